"""A dataset made ready for others, with its pixels or as a recipe.

terms.py         the questions about rights, and whether they are answered
naming.py        what a release is called, and which of a machine's paths stay at home
environment.py   versions of libraries and features of the processor
compact.py       a table's many files as a few large sorted ones, and back
sketches.py      64 sums a rendering: how far another one is from it, without its pixels
facts.py         what is counted of the data, in one pass
pictures.py      figures of the labels, and pictures of one scene
hub_features.py  the types of a sample's fields, for the Hub's loader
study_part.py    SEAGULL-3k, where a workspace has a study: ratings without who gave them
documents.py     dataset card and datasheet
croissant.py     Croissant 1.1 metadata with its RAI part
release.py       the folder: shards, tables, documents, SHA256SUMS
push.py          the folder to the Hugging Face Hub
"""
