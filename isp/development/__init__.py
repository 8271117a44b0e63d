"""From the mosaic to the bytes that ship, in the order of development.

demosaic.py   mosaic -> linear camera RGB, white-balanced, by LibRaw
lens.py       vignetting, distortion and TCA by lensfun
geometry.py   photosites a pixel, the right way up
tone.py       the curve from scene to display
chain.py      the modules as a list
recipes.py    what is to be rendered: the reference, 6 x 20 distortions, mixtures
tree.py       many recipes in one pass: what they share is computed once
one_raw.py    one RAW from Python, without a workspace
renderer.py   a RAW and recipes -> images with their parameters; the door

Noise of files that are reduced four times and more, without a demosaicing each:

superpixel.py      quads of the mosaic to a small picture
noise_match.py     how a demosaicing's noise differs from that of quads
excerpt.py         a small RAW cut out of a large one, to measure it on
reduced_noise.py   the field of noise that the reference gets
"""
