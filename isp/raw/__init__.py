"""A RAW file and what it says of itself.

sensor.py         open a RAW by LibRaw: mosaic, levels, matrix, geometry; what is refused
camera.py         make and model from the container's tags
capture.py        what the file says about how it was taken
white_balance.py  the gains that make grey grey, and where they came from
own_noise.py      the noise that the file already has
color.py          camera RGB to sRGB, and sRGB's transfer curve
"""
