"""The command `seagull`: a command a stage, the same options everywhere.

Exit status: 0 all is done; 1 the run ended and some scenes failed (or `verify` found problems);
2 the command could not run, with one line that says why.
"""

import sys

import click

from manifests.errors import SeagullError
from pipeline.cli import cli_learn, cli_look, cli_study, cli_tools, cli_work

UNABLE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def seagull() -> None:
    """SEAGULL's dataset factory: RAW files to region-quality datasets and the network."""


for _folder in (cli_work, cli_study, cli_learn, cli_look, cli_tools):
    for _command in _folder.COMMANDS:
        seagull.add_command(_command)


def main() -> None:
    """Run the command; an error meant for people is one line, never a traceback."""
    try:
        seagull.main(standalone_mode=False)
    except SeagullError as error:
        sys.exit(_complain(str(error), UNABLE))
    except click.ClickException as error:
        error.show()
        sys.exit(UNABLE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_complain("interrupted; what is done stays done, run the same again", 130))


def _complain(message: str, status: int) -> int:
    click.echo(f"seagull: {message}", err=True)
    return status
