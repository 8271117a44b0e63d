"""What one looks at.

plan.py      what would be done, and what is
show.py      one scene or one ROI as a picture
report.py    one HTML file to look at (report.html)
learned_stage.py  what a stage of training left
report_tables.py  the paper's tables 1 and 2 for our networks
study_section.py  what the report says of SEAGULL-3k
figures.py   the report's plots
run_figure.py  throughput, slowest scenes, where the time went
"""
