"""Who does what, when and where.

worker.py      one stage of one scene, in a worker process
executors.py   where tasks run: Ray, or processes of this machine
ledger.py      what is done, failed, ready or waiting
flow.py        which scene does what next; attempts, failures, progress
failures.py    the failures table
learners.py    who starts the processes of a training: this machine, or Ray Train
"""
