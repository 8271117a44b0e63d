"""Shards become batches: what is read, asked and put into tensors.

Imports no other room of training.

    texts.py         questions and answers of section 3.3, and the way back from an answer
    instructions.py  a label -> its truth; drawing AIR and JIR for it
    tokens.py        the word-level tokenizer; sequences built segment by segment
    shard_reader.py  WebDataset tars -> samples, in the order they lie in
    sample_index.py  where each sample lies; the order of training, taken up anywhere
    roi_shape.py     where a ROI lies, kept from one rendering of a scene to the next
    roi_statistics.py color and texture of pixels, in numbers
    sample_arrays.py a sample -> arrays: overview, masks, native patches, statistics
    feed.py          the stream of training batches, in order
    batches.py       samples and instructions -> tensors
"""
