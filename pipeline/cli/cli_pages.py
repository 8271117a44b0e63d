"""`seagull serve`: the pages that ask a network and walk through a dataset."""

from pathlib import Path

import click

from pipeline.cli.options import Job, job_options


@click.command()
@click.option(
    "--model", type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a trained network. Default: the workspace's, finetuned where there is one.",
)  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of this machine.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--beyond-loopback", is_flag=True, help="Let other machines reach it, unprotected.")
@job_options
def serve(job: Job, model: Path | None, host: str, port: int, beyond_loopback: bool) -> None:
    """A local page: ask about regions of photographs, explore the dataset."""
    from annotation.web.app import LOOPBACK_NAMES
    from annotation.web.serve import serve as serve_app
    from pipeline.pages.pages_app import pages_app

    hosts = ("*",) if beyond_loopback else LOOPBACK_NAMES
    app = pages_app(job.workspace, model, job.config, hosts)
    serve_app(app, host, port, beyond_loopback, lambda at: click.echo(f"{at} (Ctrl-C ends it)"))


COMMANDS = (serve,)
