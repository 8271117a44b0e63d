"""What learns: instructions, the SEAGULL network, training and evaluation.

Imports only `manifests` of ours and meets the rest through shards on disk. One process, one device.

    texts.py         questions and answers of section 3.3, and the way back from an answer
    instructions.py  a label -> its truth; drawing AIR and JIR for it
    tokens.py        the word-level tokenizer; sequences built segment by segment
    shard_reader.py  WebDataset tars -> samples, in an order that can be resumed
    sample_arrays.py a sample -> arrays: overview, masks, native patches, colour
    feed.py          the stream of training batches, in order
    batches.py       samples and instructions -> tensors
    encoder.py       ConvNeXt: the compact one, or timm's by name
    extractor.py     the mask-based feature extractor of section 4.2
    network.py       encoder + extractor + Llama
    loop.py          optimizer, schedule, checkpoints
    answer.py        closed-set scores and free-text answers
    metrics.py       SROCC, PLCC, sample-average precision, recall, F1
    evaluation.py    a network against the labels of a split
    gpu_step.py      a training step on a device against the CPU
    learning.py      pretrain, finetune, evaluate: what the command line calls
"""
