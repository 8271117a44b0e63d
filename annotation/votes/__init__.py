"""Votes as they come in, and what they come to.

vote.py        one vote as a browser sends it: checked, or refused in words
vote_store.py  SQLite: raters, turns, votes; every vote once, whatever ends the server
replan.py      ratings that are missing go to other raters
results.py     votes to tables: ratings, estimates, screening, agreement
"""
