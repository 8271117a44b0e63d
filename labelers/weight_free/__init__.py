"""ROIs without weights, by classical methods.

regions.py      a photograph as regions
merge_tree.py   the regions as a tree, from parts to wholes
saliency.py     which regions stand out
proposals.py    objects from regions
embedded.py     the detector and the segmenter that need no weights
"""
