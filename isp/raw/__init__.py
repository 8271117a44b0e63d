"""A RAW file and what it says of itself.

sensor.py         open a RAW by LibRaw: mosaic, levels, matrix, geometry; what is refused
layout.py         what a TIFF's directories say of its pixels, held against the file
decode.py         LibRaw's decoding, believed where it depends on nothing but the file
camera.py         make and model by exiv2, which knows the containers
c_paths.py        any file name for libraries in C
capture.py        what the file says about how it was taken
white_balance.py  the gains that make grey grey, and where they came from
own_noise.py      the noise that the file already has
color.py          camera RGB to sRGB, and sRGB's transfer curve
"""
