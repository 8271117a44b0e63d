"""Where tasks run: processes of this machine, or a Ray cluster.

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
"""
