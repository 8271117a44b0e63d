"""Training: the loop and the stages.

Imports every other room of training but the tables.

    processes.py      one process or several: Accelerate, batch norms over all of them
    training_state.py what a checkpoint holds, written whole and resumed
    loop.py           optimizer, schedule, steps
    footprint.py      parameters and memory of a network, counted without its weights
    network_plan.py   what the command says of them
    prefill_gain.py   what reading once for all questions saves
    gpu_step.py       a training step on a device against the CPU
    learning_stage.py a stage: its data, settings, start, fingerprint
    stage_evaluation.py its network against a split
    stage_training.py its training, and what it leaves
    learning.py       pretrain, finetune, evaluate, export: what the command line calls
    seeds.py          both stages from several seeds, beside what is wanted of the demo
"""
