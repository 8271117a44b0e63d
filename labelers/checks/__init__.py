"""Why it is as it is, what it costs, and whether a GPU agrees.

evidence.py         why the weight-free scorer and its threshold are what they are
bench_labels.py     what masks and labels cost against the obvious loop
bench_edges.py      what they cost without weights by the long edge
topiq_flops.py      operations of a TOPIQ label, counted
gpu_labels.py       CUDA against the CPU
precision_error.py  what bf16 does to a workspace's labels
"""
