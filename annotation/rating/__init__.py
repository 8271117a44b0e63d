"""The pages of a study: a rater's, behind a personal link, and the leader's, behind a secret.

study_site.py      a planned study as an application: everything below together
rater_pages.py     consent, check, rating: what a rater sees and sends
leader_pages.py    who is where, counts, agreement, screening; pause, revoke, export
outline.py         a ROI's mask to the outline that a browser draws
color_plates.py   plates that tell red-green color vision
HTML lies in pages, scripts and styles in static.
"""
