"""Others' models on the same ROIs, for the tables.

Imports `data`, `evaluate` and `tables` of training.

    protocol.py        what a baseline is
    crop_metrics.py    no-reference metrics of pyiqa on crops
    vision_language.py models of transformers by folder, with boxes
    asking.py          a baseline put to the test split
"""
