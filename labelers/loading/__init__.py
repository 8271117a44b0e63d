"""How models come into memory, and how they are fed.

weights.py      weight files: checksums, loading that refuses what does not match
checkpoints.py  which checkpoints are published, and where
hf.py           models of transformers from local folders: opened and checked
iqa.py          pyiqa's metrics, made without the network and without harm to others
json_lines.py   a process that is asked and answers in JSON lines
onednn.py       float32 products on a CPU, weights packed once
batching.py     how many go through a model together
precision.py    fp32, tf32, bf16
"""
