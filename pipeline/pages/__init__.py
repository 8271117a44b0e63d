"""Pages and commands that ask a network about photographs and walk through a dataset.

open_photo.py      a photograph of any kind, or a RAW, as pixels
prompted.py        points, boxes, masks, found objects -> the mask that is meant
ask_regions.py     what was asked and answered: lines, JSON
ask_picture.py     a photograph with outlines and answers
ask_folder.py      a folder of photographs -> a Parquet of answers
"""
