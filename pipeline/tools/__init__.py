"""Beside the way.

cost.py             unit costs measured
calibration.py      levels by a scorer
bench.py            the folders' benchmarks as tables
bench_endless.py    samples made while they are asked for, beside shards
demo.py             RAW files to try everything on
mixtures.py         several distortions at once, or some inside a region, from a YAML
sidecars.py         Camera Raw sidecars
synthetic.py        a large workspace in which all is done
driver_cost.py      what the driver costs when the stages cost nothing
bookkeeping_cost.py what status, plans and the report cost on a synthetic workspace
"""
