"""Whole networks by folder: the released SEAGULL-7B, and exports of ours.

Imports `data` and `network` of training.

    key_map.py      names of the released tensors, and ours
    model_folder.py opening either
    exporting.py    writing either, with a model card
"""
