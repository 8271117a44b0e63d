"""What learns: instructions, the SEAGULL network, training and evaluation.

Imports only `manifests` of ours and meets the rest through shards on disk. Rooms import downwards.

    data/      shards -> samples -> batches; instructions, texts, tokens
    network/   encoder + mask-based feature extractor + Llama
    evaluate/  answers of a network, metrics, a network against a split
    train/     the loop, the stages, what the command line calls
"""
