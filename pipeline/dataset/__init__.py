"""What goes out.

samples.py         what one sample of a dataset holds
shards.py          WebDataset tars and their Parquet index: which scenes lie where
pack.py            one shard written
scene_rows.py      the scenes' rows, kept up to date
card.py            shards/dataset.json: what readers of the shards must know
rehash.py          every recorded file read again; what is damaged, by stage
drop.py            a scene taken out
verify.py          re-opens everything
verify_files.py    all files there are, and those of a record
verify_scene.py    re-opens one scene
verify_shards.py   re-opens the tars
verify_study.py    re-opens a study
"""
