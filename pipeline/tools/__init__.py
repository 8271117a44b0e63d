"""Beside the way.

cost.py          unit costs measured
calibration.py   levels by a scorer
bench.py         the folders' benchmarks as tables
demo.py          RAW files to try everything on
mixtures.py      several distortions in one rendering
torture_raw.py   damaged RAW files: what comes of each
sidecars.py      Camera Raw sidecars
"""
