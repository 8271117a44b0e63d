"""Beside the way.

cost.py          unit costs measured
calibration.py   levels by a scorer
bench.py         the folders' benchmarks as tables
demo.py          RAW files to try everything on
mixtures.py      several distortions in one rendering
sidecars.py      Camera Raw sidecars
torture_nodes.py  what Ray and its nodes do to a run
"""
