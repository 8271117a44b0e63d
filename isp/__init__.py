"""RAW to pixels: an ISP that stands in for Lightroom. Imports only `manifests` of ours.

The chain, in the order of development; a rendering differs from the reference in the modules of
its distortion alone:

    sensor.py        open a RAW: mosaic, levels, white balance, matrix, geometry; what is refused
    noise.py         shot and read noise on the mosaic                          NOISE
    demosaic.py      mosaic -> linear camera RGB, white-balanced, by LibRaw
    lens.py          vignetting, distortion and TCA by lensfun
    geometry.py      working size by area, the right way up
    exposure.py      gain before clipping                                       EXPOSURE
    blur.py          point spread in linear light                               BLUR
    color.py         clip to white, camera RGB -> linear sRGB
    tone.py          the curve from scene to display
    contrast.py      a curve about mid-grey                                     CONTRAST
    colorfulness.py  chroma in OKLab, hue and lightness kept                    COLORFULNESS
    compression.py   8 bits, JPEG, PNG, WebP, JPEG 2000                         COMPRESSION

    recipes.py, levels.py, levels.yaml   the 1 + 6 x 20 settings
    chain.py         the modules as a list
    tree.py          many recipes in one pass: what they share is computed once
    renderer.py      a RAW and recipes -> images with their parameters
"""
