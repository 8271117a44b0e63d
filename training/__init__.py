"""What learns: instructions, the SEAGULL network, training and evaluation.

Imports only `manifests` of ours and meets the rest through shards on disk. Rooms import downwards.

    data/      shards -> samples -> batches; instructions, texts, tokens
    network/   encoder + mask-based feature extractor + Llama
    evaluate/  answers of a network, metrics, a network against a split
    released/  whole networks by folder: the released SEAGULL-7B, exports
    train/     the loop, the stages, what the command line calls
    tables/    the tables of the paper, made anew
    baselines/ others' models on the same ROIs
    ask.py     a trained network asked about regions of any photograph
"""

from typing import Any


def open_network(*arguments: Any, **named: Any) -> Any:
    """Open a trained network, as `training.ask.open_network` does; loads torch when called."""
    from training.ask import open_network as opened

    return opened(*arguments, **named)
