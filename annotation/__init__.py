"""People and what they say of ROIs: SEAGULL-3k.

    simulate.py   raters that do not exist, for demos and tests; called simulated wherever they show
    aggregate.py  ratings to opinions: means, and the majority that says "nonexistent"

The rating page, assignment and rater screening are not here yet.
"""
