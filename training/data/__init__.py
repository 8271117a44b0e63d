"""Shards become batches: what is read, asked and put into tensors.

texts.py         questions and answers of section 3.3, and the way back from an answer
instructions.py  a label -> its truth; drawing AIR and JIR for it
tokens.py        the word-level tokenizer; sequences built segment by segment
shard_reader.py  WebDataset tars -> samples, in an order that can be resumed
sample_arrays.py a sample -> arrays: overview, masks, native patches, colour
feed.py          the stream of training batches, in order
batches.py       samples and instructions -> tensors
"""
