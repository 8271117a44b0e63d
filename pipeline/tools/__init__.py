"""Beside the way.

cost.py             unit costs measured
calibration.py      levels by a scorer
bench.py            the folders' benchmarks as tables
demo.py             RAW files to try everything on
mixtures.py         several distortions at once, or some inside a region, from a YAML
inside.py           a distortion in a mask, the reference outside
sidecars.py         Camera Raw sidecars
torture.py          what is promised, tried: a table
torture_kills.py    runs that end in the middle, full disks, two writers
torture_settings.py settings that are nonsense or worse
torture_damage.py   bits flipped, files deleted and swapped
small_build.py      a build in a fork that may be killed
synthetic.py        a large workspace in which all is done, and what a build costs on it
damage.py           damage to files, and undone
torture_raw.py      damaged RAW files: what comes of each
driver_cost.py      what the driver costs when the stages cost nothing
torture_nodes.py    what Ray and its nodes do to a run
"""
