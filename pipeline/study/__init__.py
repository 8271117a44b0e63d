"""SEAGULL-3k's way from photographs to shards.

lessons.py          pictures with known distortions: instructions, training, golden items
photographs_in.py   published photographs into the study, their ROIs found
init_study.py       photographs, ROIs, lessons and plan: everything before the first vote
export_study.py     votes to the study's tables, done records last
extend_study.py     ratings that are missing, or that help most
simulate_study.py   raters that do not exist, through the same server
"""
