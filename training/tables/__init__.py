"""The paper's tables, made anew: runs that resume, numbers with intervals, the paper's beside them.

Imports every other room of training.

    table_runs.py    the runs behind a table
    columns.py       numbers and bootstrap intervals
    rendered.py      Markdown, CSV, LaTeX
"""
