"""What comes in.

sources.py   RAW files found, hashed and named; the split of a scene
"""
