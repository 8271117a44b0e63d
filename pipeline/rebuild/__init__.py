"""A recipe and the RAW files made into the dataset again, and how near it comes.

compare.py       what of a rebuilt dataset is identical, and by how much the rest is not
rebuild.py       a recipe and the RAW files to the pixels again
code_paths.py    a script: the same builds with features of the processor hidden
"""
