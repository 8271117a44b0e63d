"""Raters that need a look: figures, thresholds, decisions. Excluded is not deleted.

answers.py    what a rater answered, as arrays: the ground of every check
own_checks.py golden items, repeats, straight-lining, too fast, leave-one-out correlation
standards.py  the outliers of ITU-R BT.500 and ITU-T P.913
decisions.py  all checks of all raters, and who is left out
"""
