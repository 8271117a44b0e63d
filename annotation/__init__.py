"""People and what they say of ROIs: SEAGULL-3k.

web/          the framework and look that every page shares
simulate.py   raters that do not exist, for demos and tests; called simulated wherever they show
aggregate.py  ratings to opinions: means, and the majority that says "nonexistent"
"""
