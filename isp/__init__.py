"""RAW to pixels: an ISP that stands in for Lightroom. Imports only `manifests` of ours.

    raw/          a RAW file and what it says of itself: mosaic, levels, colour, camera, noise
    distortions/  the six distortions as pure functions, and their 6 x 20 levels
    development/  the order of development, recipes, the renderer (the door: renderer.py)
    tools/        photographs to RAW, calibration of levels, colour check, XMP, what it costs

One direction: raw and distortions, then development, then tools.
"""
