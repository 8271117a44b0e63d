"""Several distortions in one rendering, each everywhere or inside a region.

placed_recipes.py  recipes whose steps say where they act, from a YAML
inside.py          regions, their weights, pictures composed by them; what was touched
mixed_images.py    an open RAW, its ROIs and a recipe to an image, and to its labels
"""
