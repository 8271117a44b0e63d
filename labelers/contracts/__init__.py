"""What passes between models.

candidates.py   detections, candidates, and the protocols of detectors and segmenters
kinds.py        what a table of models holds
crops.py        what is scored: masked crops and pasted references; the protocol of scorers
"""
