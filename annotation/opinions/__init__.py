"""Ratings to opinions.

score_matrix.py  votes on one question as raters x ROIs, NaN where nobody voted
aggregate.py     the paper's means, and the majority that says "nonexistent"
bias_model.py    the model of bias and inconsistency, with 95 % intervals
agreement.py     Krippendorff's alpha between raters
next_best.py     where further votes help most
"""
