"""What a process does beside its work.

progress.py  how far a long run is, on standard error
memory.py    freed memory stays with the process; memory that nobody wrote
"""
