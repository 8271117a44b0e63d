"""Models that look at pixels: where the ROIs of a reference are, and what is said of them.

contracts/    what passes between models: candidates and crops
loading/      weight files, checkpoints, transformers folders, processes, batch sizes
weight_free/  regions, saliency, proposals: the detector and segmenter that need no weights
detectors/    learned detectors: transformers, SEEM and detectron2 in a process of their own
segmenters/   learned promptable segmenters: SAM and its kin
scorers/      full-reference quality: SSIM where it changes, TOPIQ exactly, pyiqa's by name
engine/       the doors: ROIs of a reference, labels of every ROI in every rendering
checks/       evidence, costs, CUDA against the CPU
"""
