"""Authentic photographs, as their publishers distribute them.

published.py    one photograph with what its publisher says of it
publishers.py   LIVE in the Wild, BID, SPAQ, KonIQ-10k: tables and folders; any other folder
photo_file.py   a photograph's own bytes, checked; PNG where browsers do not show the format
"""
