"""What comes in.

walk.py                every file below a folder, and what is left aside there
raw_place.py           where RAW files lie: a folder, or a store
sources.py             RAW files found, hashed and named; the split of a scene
memory_of_sources.py   their hashes, kept
missing.py             RAW files that are gone, replaced or renamed
"""
