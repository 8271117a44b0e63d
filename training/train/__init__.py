"""Training: the loop and the stages.

loop.py          optimizer, schedule, checkpoints
gpu_step.py      a training step on a device against the CPU
learning.py      pretrain, finetune, evaluate: what the command line calls
"""
