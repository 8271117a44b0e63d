"""The SEAGULL network of section 4.

Imports `data` of training.

    encoder.py            ConvNeXt: the compact one, or timm's by name
    extractor.py          the mask-based feature extractor of section 4.2
    roi_dropout.py        dropout that does not depend on who shares a batch
    released_extractor.py that of the released SEAGULL-7B
    language_model.py     the compact Llama, or one by folder, with LoRA
    network.py            encoder + extractor + Llama
"""
