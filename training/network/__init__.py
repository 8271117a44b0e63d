"""The SEAGULL network of section 4.

encoder.py       ConvNeXt: the compact one, or timm's by name
extractor.py     the mask-based feature extractor of section 4.2
network.py       encoder + extractor + Llama
"""
