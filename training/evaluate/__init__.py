"""A network asked and scored.

answer.py        closed-set scores and free-text answers
reading.py       what a network says of one region, as a record
metrics.py       SROCC, PLCC, sample-average precision, recall, F1
evaluation.py    a network against the labels of a split
"""
