"""Full-reference quality of every ROI.

all_scorers.py       the table: name to loader
ssim.py              the weight-free scorer, only where it changes
gaussian_windows.py  its windows over rows of RGB values
backbone.py          a ResNet that recomputes only what a change can reach
cfanet.py            the network of TOPIQ in parts that can be shared
topiq.py             the exact TOPIQ engine on both
metric.py            other full-reference metrics of pyiqa by name
no_reference.py      metrics without a reference, for baselines
"""
