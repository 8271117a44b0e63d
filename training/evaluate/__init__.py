"""A network asked and scored.

answer.py        closed-set scores and free-text answers
metrics.py       SROCC, PLCC, sample-average precision, recall, F1
evaluation.py    a network against the labels of a split
"""
