"""Raters that do not exist, for demos and tests; called simulated wherever they show.

votes_by_model.py  answers about ROIs whose truth is known: bias, inconsistency, careless raters
http_raters.py     the same, given at the pages over HTTP
"""
