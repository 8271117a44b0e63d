"""Samples made when a training asks for them, from the RAW files and the configuration.

endless_order.py   which rendering of which scene is the n-th of the stream
drawn_recipes.py   a level's setting, or one drawn between it and the next
open_scene.py      a RAW kept open with its reference and ROIs: recipes -> samples
sample_workers.py  processes that keep scenes open; a scene goes to one of them
endless_card.py    what a reader must know of the stream; importance's top by a pilot
raw_source.py      the source itself: what training finds by its entry point
"""
