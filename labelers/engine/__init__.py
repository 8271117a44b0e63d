"""The doors through which the pipeline comes in.

mask_models.py    detectors and segmenters by name
rois.py           objects and components: filters, cleaning, mask-IoU NMS, caps
one_image.py      one photograph from Python, without a workspace
label_engine.py   quality, importance and distortion label of every ROI in every rendering
"""
