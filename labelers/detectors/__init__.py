"""Learned detectors.

all_detectors.py    the table: name to loader
hf_detector.py      detectors of transformers
worker_detector.py  SEEM and detectron2 in a process and an interpreter of their own
worker_process.py   the other end, in the user's interpreter
"""
