"""Raters that do not exist, for demos and tests; called simulated wherever they show.

votes_by_model.py  answers about ROIs whose truth is known: bias, inconsistency, careless raters
http_raters.py     the same, given at the pages over HTTP
opinion_proofs.py  what screening, the model and the next best ROI are worth
load_proof.py      many clients at full speed, the server killed again and again
"""
