"""The command `seagull`.

main.py        the group, and errors in one line
terminal.py    what is written is printable
places.py      paths and URLs
options.py     what the commands share
cli_work.py    commands that make the dataset
cli_study.py   commands of SEAGULL-3k
cli_mend.py    commands that put a workspace right: retry, repair, drop
cli_look.py    commands to look at what is there
cli_release.py commands that make a dataset ready for others
cli_tools.py   commands beside the way
cli_learn.py   commands that learn, found by entry point
cli_ask.py     regions of a photograph put to a network
cli_pages.py   the pages that ask and explore
cli_export.py  COCO, FiftyOne
"""
