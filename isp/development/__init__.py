"""From the mosaic to the bytes that ship, in the order of development.

demosaic.py   mosaic -> linear camera RGB, white-balanced, by LibRaw
lens.py       vignetting, distortion and TCA by lensfun
geometry.py   photosites a pixel, the right way up
tone.py       the curve from scene to display
chain.py      the modules as a list
recipes.py    what is to be rendered: the reference, 6 x 20 distortions, mixtures
tree.py       many recipes in one pass: what they share is computed once
renderer.py   a RAW and recipes -> images with their parameters; the door
"""
