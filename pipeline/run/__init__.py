"""Who does what, when and where.

ledger.py          what is done, failed, ready or waiting
flow.py            which scene does what next; attempts, failures, progress
events.py          the event log: a line for every scene and stage that is settled
failures.py        the failures table
findings.py        what was found wrong in the RAW folder, as its rows
scatter.py         the same work on many units: checks, shards
pulling.py         what a run knows of a workspace in a store
lock.py            one writer a workspace
learners.py        who starts the processes of a training: this machine, or Ray Train
"""
