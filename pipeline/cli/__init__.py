"""The command `seagull`.

main.py        the group, and errors in one line
options.py     what the commands share
cli_work.py    commands that make the dataset
cli_study.py   commands of SEAGULL-3k
cli_look.py    commands to look at what is there
cli_tools.py   commands beside the way
cli_learn.py   commands that learn, found by entry point
"""
