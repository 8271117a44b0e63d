"""The dataset in the forms of other tools.

export_rows.py      which images, with which regions and labels
coco_export.py      COCO instances JSON, a file a split
fiftyone_export.py  a FiftyOne dataset (optional dependency)
"""
