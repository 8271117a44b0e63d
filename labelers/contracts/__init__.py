"""What passes between models.

candidates.py   detections, candidates, and the protocols of detectors and segmenters
crops.py        what is scored: masked crops and pasted references; the protocol of scorers
"""
