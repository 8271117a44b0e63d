"""Models that look at pixels: where the ROIs of a reference are, and what is said of them.

models.py          detectors and segmenters by name
candidates.py      what passes between them
rois.py            objects and components: filters, cleaning, mask-IoU NMS, caps
engine.py          quality, importance and distortion label of every ROI in every rendering

rle.py             masks as COCO run lengths
checkpoints.py     which checkpoints are published, and where
weights.py         weight files: checksums, loading that refuses what does not match

regions.py         a photograph as regions
merge_tree.py      the regions as a tree, from parts to wholes
saliency.py        which regions stand out
proposals.py       objects from regions
embedded.py        the detector and the segmenter that need no weights
prompting.py       what learned promptable segmenters share
sam.py             SAM through segment-anything
sam_attention.py   its encoder's attention in blocks that fit the cache
hf.py              models of transformers from local folders: opened and checked
hf_segmenter.py    their promptable segmenters
hf_detector.py     their detectors
json_lines.py      a process that is asked and answers in JSON lines
worker.py          detectors in a process of their own: SEEM, detectron2
worker_process.py  the other end, in the user's interpreter

crops.py           what is scored: masked crops and pasted references
ssim.py            the weight-free scorer, only where it changes
batches.py         how many go through a model together
backbone.py        a ResNet that recomputes only what a change can reach
cfanet.py          the network of TOPIQ in parts that can be shared
topiq.py           the exact TOPIQ engine on both
iqa.py             pyiqa's metrics, made without the network and without harm to others
metric.py          other full-reference metrics of pyiqa by name
precision.py       fp32, tf32, bf16

evidence.py        why the weight-free scorer and its threshold are what they are
bench.py           what masks and labels cost against the obvious loop
gpu_check.py       CUDA against the CPU
"""
