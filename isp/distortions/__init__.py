"""The distortions, each a value with its pure function, and how far they go.

all_distortions.py  the list: the paper's six in its order, then those of users' packages
distortion.py       what a distortion is
exposure.py         a gain in stops before clipping
noise.py            shot and read noise on the mosaic
noise_model.py      the model of it, measured on a file's own
blur.py             a point spread in linear light
contrast.py         a curve about mid-grey
colorfulness.py     chroma in OKLab
compression.py      JPEG, PNG, WebP, JPEG 2000: what an encoder loses
levels.py           the table of 6 x 20 settings (levels.yaml, or a user's)
"""
