"""Models that look at pixels: where the ROIs of a reference are, and what is said of them.

rle.py        masks as COCO run lengths
models.py     detectors and segmenters by name; what passes between them
regions.py    a photograph as a merge tree of regions
saliency.py   which regions stand out
proposals.py  objects from regions
embedded.py   the detector and the segmenter that need no weights
rois.py       objects and components: filters, cleaning, mask-IoU NMS, caps
crops.py      what is scored: masked crops and pasted references
ssim.py       the weight-free scorer, only where it changes
metric.py     any full-reference metric of pyiqa
engine.py     quality, importance and distortion label of every ROI in every rendering
"""
