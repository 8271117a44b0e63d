"""Pages and commands that ask a network about photographs and walk through a dataset.

open_photo.py      a photograph of any kind, or a RAW, as pixels
raw_apart.py       a RAW developed in a process of its own
prompted.py        points, boxes, masks, found objects -> the mask that is meant
ask_regions.py     what was asked and answered: lines, JSON
ask_picture.py     a photograph with outlines and answers
ask_folder.py      a folder of photographs -> a Parquet of answers
ask_page.py        the page that asks
scene_records.py   what a dataset is seen through, wherever it lies
workspace_source.py  tables and renderings of a workspace, lazily
shards_source.py   the shards alone
scene_view.py      a scene as the page draws it
explore_page.py    the page that walks through a dataset
pages_app.py       both under one roof

Their HTML, CSS and JavaScript lie in `static`, a file of JavaScript a page, without a build step.
"""
