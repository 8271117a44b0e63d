"""Beside the way: what makes RAW files, finds levels, and looks at results.

photographs.py       photographs that come inside wheels we depend on
unprocess.py         photographs back to RAW
lossy_dng.py         photographs to linear DNGs with JPEG tiles
calibrate.py         finds the levels by a score
colorchecker.py      colors against a chart
xmp.py               sidecars for Camera Raw
contact_sheet.py     a scene at a glance
bench_renderings.py  what a rendering costs
bench_sizes.py       what a scene costs by the size of its file and renderings
"""
