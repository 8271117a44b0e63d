"""The stages that work scene by scene.

all_stages.py     the list of stages: render, masks, labels, study
stage.py          what a stage is
render_stage.py   a RAW to its renderings
roi_stages.py     masks and labels
study_stage.py    mixed distortions, for simulated raters
"""
