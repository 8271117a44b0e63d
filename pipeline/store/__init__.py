"""A workspace, or RAW files, in an object store: what lies there is at hand where work is done.

object_store.py  objects by name: list, fetch, put, remove; tried again, never for ever
redacting.py     what may be said of a store's error
store_mirror.py  a workspace of a store as a local folder, written through
caching.py       where mirrors and scratch folders lie, and their sweeping
scratch.py       one task's files, here for as long as it takes
store_lock.py    one writer a workspace, by a lease in the store
"""
