"""`python -m pipeline.cli` is `seagull`."""

from pipeline.cli.main import main

main()
