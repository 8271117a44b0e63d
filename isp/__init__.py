"""RAW to pixels: an ISP that stands in for Lightroom. Imports only `manifests` of ours.

The chain, in the order of development; a rendering differs from the reference in the modules of
its distortion alone:

    noise.py         shot and read noise on the mosaic                          NOISE
    demosaic.py      mosaic -> linear camera RGB, white-balanced, by LibRaw
    lens.py          vignetting, distortion and TCA by lensfun
    color.py         blown areas to white, camera RGB -> linear sRGB
    geometry.py      working size by area, the right way up
    exposure.py      gain before clipping                                       EXPOSURE
    blur.py          point spread in linear light                               BLUR
    tone.py          the curve from scene to display
    contrast.py      a curve about mid-grey                                     CONTRAST
    colorfulness.py  chroma in OKLab, hue and lightness kept                    COLORFULNESS
    compression.py   8 bits, JPEG, PNG, WebP, JPEG 2000                         COMPRESSION

What goes in, and how it is driven:

    sensor.py        open a RAW: mosaic, levels, matrix, geometry; what is refused
    camera.py, capture.py, white_balance.py, own_noise.py   what the file says of itself
    recipes.py, levels.py, levels.yaml   the 1 + 6 x 20 settings, and mixtures
    chain.py         the modules as a list
    tree.py          many recipes in one pass: what they share is computed once
    renderer.py      a RAW and recipes -> images with their parameters; the door

Around it:

    photographs.py, unprocess.py   photographs, and photographs back to RAW
    calibrate.py     finds the levels by a score
    colorchecker.py  colours against a chart; bench.py  what a rendering costs
    xmp.py           sidecars for Camera Raw; contact_sheet.py  a scene at a glance
"""
