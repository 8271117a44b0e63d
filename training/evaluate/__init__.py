"""A network asked and scored.

Imports `data` and `network` of training.

    grammar.py    what a distortion answer may go on with
    answer.py     closed-set scores, verdicts and free-text answers
    reading.py    what a network says of one region, as a record
    metrics.py    SROCC, PLCC, sample-average precision, recall, F1
    evaluation.py a network against the labels of a split
    validation.py the val split while training goes on
"""
