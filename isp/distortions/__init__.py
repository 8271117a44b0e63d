"""The six distortions, each a pure function on arrays, in the order of the paper.

exposure.py       a gain in stops before clipping
noise.py          shot and read noise on the mosaic
blur.py           a point spread in linear light
contrast.py       a curve about mid-grey
colorfulness.py   chroma in OKLab
compression.py    JPEG, PNG, WebP, JPEG 2000: what an encoder loses
levels.py         the table of 6 x 20 settings (levels.yaml, or a user's)
"""
