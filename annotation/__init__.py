"""People and what they say of ROIs: SEAGULL-3k.

web/         the framework and look that every page shares
sources/     published datasets of authentic photographs, as their publishers distribute them
opinions/    ratings to opinions: means, the model of bias and inconsistency, agreement
screening/   raters that need a look, and who is left out
plan/        images, ROIs, who rates what in which order
votes/       votes as they come in, where they are kept, what they come to
rating/      the rater's and the leader's pages
simulation/  raters that do not exist, for demos and tests; called simulated wherever they show
"""
