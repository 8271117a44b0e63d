"""A command that gives two workers tasks without end: `python hanging_driver.py ray FOLDER`.

Both touch a file in FOLDER once they hang.
"""

import signal
import sys
from pathlib import Path

import click
import fake_work

from manifests.config import WorkConfig
from manifests.presets import PRESETS
from manifests.workspace import Workspace
from pipeline.cli.main import main, seagull
from pipeline.intake.sources import Source
from pipeline.workers.executors import make_executor
from pipeline.workers.worker import Task

# Whoever runs the tests may have these ignored (nohup, a shell's background), which is inherited.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


@seagull.command()
@click.argument("kind")
@click.argument("folder", type=click.Path(path_type=Path))
def hang(kind: str, folder: Path) -> None:
    executor = make_executor(kind, 2, WorkConfig(), fake_work.work)
    try:
        for n in range(2):
            source = Source(f"hang:{folder}/{n}", f"{n:064x}", 1, f"s{n}-00000000")
            executor.submit("cpu", Task("render", source, Workspace(folder), PRESETS["demo"], "f"))
        while True:
            executor.next_outcome()
    finally:
        executor.close()


if __name__ == "__main__":
    sys.argv.insert(1, "hang")
    main()
