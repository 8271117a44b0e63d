"""The command `seagull`: a command a stage, the same options everywhere.

Exit status: 0 all is done; 1 the run ended and some scenes failed (or `verify` found problems);
2 the command could not run, with one line that says why; 130, 143, 129 it was stopped by Ctrl-C,
SIGTERM, SIGHUP.
"""

import sys

import click

from manifests.errors import SeagullError
from pipeline.cli import (
    cli_ask,
    cli_export,
    cli_learn,
    cli_look,
    cli_mend,
    cli_pages,
    cli_release,
    cli_study,
    cli_tools,
    cli_work,
)
from pipeline.cli.places import refuse_urls
from pipeline.cli.terminal import print_what_prints
from pipeline.workers.signals import StoppedError, stop_as_by_ctrl_c

UNABLE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def seagull() -> None:
    """SEAGULL's dataset factory: RAW files to region-quality datasets and the network."""


FOLDERS = (
    cli_work,
    cli_study,
    cli_mend,
    cli_learn,
    cli_ask,
    cli_look,
    cli_pages,
    cli_export,
    cli_release,
    cli_tools,
)

for _folder in FOLDERS:
    for _command in _folder.COMMANDS:
        seagull.add_command(_command)
refuse_urls(seagull)


def main() -> None:
    """Run the command; an error meant for people is one line, never a traceback."""
    print_what_prints()
    stop_as_by_ctrl_c()
    try:
        seagull.main(standalone_mode=False)
    except SeagullError as error:
        sys.exit(_complain(str(error), UNABLE))
    except OSError as error:  # what no command foresaw: a file or folder that cannot be used
        sys.exit(_complain(" ".join(str(error).split()), UNABLE))
    except click.ClickException as error:
        error.show()
        sys.exit(UNABLE)
    except StoppedError as stopped:
        text = f"stopped by {stopped.name}; what is done stays done, run the same again"
        sys.exit(_complain(text, stopped.status))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_complain("interrupted; what is done stays done, run the same again", 130))


def _complain(message: str, status: int) -> int:
    click.echo(f"seagull: {message}", err=True)
    return status
