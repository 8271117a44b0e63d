"""Learned promptable segmenters.

all_segmenters.py  the table: name to loader
prompting.py       what they share: batches of prompts, filters, logits to masks
sam.py             SAM through segment-anything
sam_attention.py   its encoder's attention in blocks that fit the cache
sam_decoder.py     its decoder for many prompts of one image
hf_segmenter.py    those of transformers
hf_sam.py          transformers' SamModel in segment-anything's arithmetic
"""
