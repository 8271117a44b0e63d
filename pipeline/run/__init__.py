"""Who does what, when and where.

worker.py          one stage of one scene, in a worker process
child_process.py   a process that does tasks, watched: its end, time, memory
child_main.py      the child's end of it
executors.py       where tasks run: Ray, or processes of this machine
local_executor.py  processes of this machine
ray_executor.py    actors of a Ray cluster, which come and go with its nodes
ray_worker.py      the actor: a worker process on some node
ray_cluster.py     Ray, connected: loopback and a token, or the user's cluster
ray_farewell.py    the end of a Ray of our own
signals.py         SIGTERM and SIGHUP end as Ctrl-C does
ledger.py          what is done, failed, ready or waiting
flow.py            which scene does what next; attempts, failures, progress
events.py          the event log: a line for every scene and stage that is settled
failures.py        the failures table
findings.py        what was found wrong in the RAW folder, as its rows
scatter.py         the same work on many units: checks, shards
lock.py            one writer a workspace
learners.py        who starts the processes of a training: this machine, or Ray Train
"""
