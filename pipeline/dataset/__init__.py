"""What goes out.

samples.py         what one sample of a dataset holds
shards.py          WebDataset tars and their Parquet index
card.py            shards/dataset.json: what readers of the shards must know
verify.py          re-opens everything
verify_shards.py   re-opens the tars
verify_study.py    re-opens a study
"""
