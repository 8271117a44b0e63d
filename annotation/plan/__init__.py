"""Who rates what, and in which order: drawn from the study's seed.

stratified.py  images over source and published opinion; ROIs of an image by size and place
assignment.py  which raters rate which ROI, and who takes over what is missing
order.py       a rater's order: sessions, golden items, repeats
schedule.py    the whole plan of a study, as rows
study_folder.py where a study keeps what
"""
