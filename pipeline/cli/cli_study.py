"""SEAGULL-3k: `study init`, `serve`, `export`, `extend`; `study --simulate` for demos and tests."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from manifests.errors import SeagullError
from pipeline.cli.cli_work import end, run_stages, shard
from pipeline.cli.options import FAILED, Job, job_options, writes_workspace

if TYPE_CHECKING:
    from annotation.plan.study_folder import StudyFolder
    from manifests.config import Config


def _unless_subcommand(command: Callable[..., Any]) -> Callable[..., Any]:
    """Leave the options alone when a subcommand follows, which has its own."""

    @functools.wraps(command)
    def wrapped(**values: Any) -> Any:
        if click.get_current_context().invoked_subcommand is None:
            return command(**values)
        return None

    return wrapped


@click.group(invoke_without_command=True)
@click.option("--simulate", is_flag=True, help="Raters that do not exist, for demos and tests.")
@_unless_subcommand
@job_options
@writes_workspace
def study(job: Job, simulate: bool) -> None:
    """SEAGULL-3k: people rate regions of photographs in a browser.

    `init` plans a study, `serve` collects votes, `export` makes its tables and shards. With
    --simulate: mixed distortions of --raw, rated by simulated raters through the same server.
    """
    if not simulate:
        raise SeagullError(
            "say what to do: `seagull study init --images ... --out STUDY`, then `seagull study"
            " serve --out STUDY`; or `seagull study --simulate` for raters that do not exist"
        )
    from pipeline.study.simulate_study import simulate_study

    failures = run_stages(job, ["study"])
    folder = _study_folder(job.workspace.study)
    results = simulate_study(folder, job.config, job.workspace)
    click.echo(f"study   {len(results.ratings):,} ratings by simulated raters")
    shard(job, "seagull-3k")
    end(failures)


_out = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/study"),
    show_default=True,
    help="The study's folder.",
)


@study.command()
@click.option(
    "--images", type=click.Path(path_type=Path), multiple=True, required=True,
    help="LIVEC, BID, SPAQ or KonIQ-10k as published, or any folder. Repeatable.",
)  # fmt: skip
@_out
@click.option("--config", "config_name", help="A preset or a YAML file. Default: study.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@click.option("--workers", type=click.IntRange(1), help="Default: the CPUs at hand.")
def init(
    images: Sequence[Path],
    out: Path,
    config_name: str | None,
    overrides: Sequence[str],
    workers: int | None,
) -> None:
    """Choose photographs and ROIs, make the lessons, plan who rates what."""
    from manifests.presets import load_config
    from pipeline.run.lock import only_writer
    from pipeline.study.init_study import init_study

    folder = _study_folder(out.absolute())
    own = folder.space.config
    config = load_config(config_name or (str(own) if own.is_file() else "study"), overrides)
    with only_writer(folder.root):
        made = init_study(images, folder, config, workers or os.cpu_count() or 1)
    click.echo(
        f"{made.photographs:,} photographs, {made.rois:,} ROIs, {config.study.raters} raters,"
        f" {made.turns:,} turns; links in {folder.links}"
    )
    asked = (made.photographs < config.study.images, made.rois < config.study.rois)
    if any(asked):
        click.echo(
            f"fewer than asked for: {config.study.images:,} photographs, {config.study.rois:,} ROIs"
            " (study.images, study.rois)",
            err=True,
        )
    if made.failed:
        where = folder.space.table("failures")
        click.echo(f"{made.failed} photographs could not be used: see {where}", err=True)
        sys.exit(FAILED)


def _study_folder(root: Path) -> "StudyFolder":
    from annotation.plan.study_folder import StudyFolder

    return StudyFolder(root)


def _own_config(folder: "StudyFolder") -> "Config":
    from manifests.presets import load_config

    if not folder.space.config.is_file():
        raise SeagullError(f"{folder.root} holds no study; run `seagull study init` first")
    return load_config(str(folder.space.config))


@study.command()
@_out
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@click.option("--beyond-loopback", is_flag=True, help="Allow a host that others can reach.")
def serve(out: Path, host: str, port: int, beyond_loopback: bool) -> None:
    """Serve the rating pages and the leader's page until Ctrl-C."""
    from annotation.rating.study_site import study_site
    from annotation.votes.vote_store import VoteStore
    from annotation.web.app import LOOPBACK_NAMES
    from annotation.web.serve import serve as serve_app

    folder = _study_folder(out.absolute())
    config = _own_config(folder)
    store = VoteStore(folder.votes)
    hosts = ["*"] if beyond_loopback else LOOPBACK_NAMES

    def ready(url: str) -> None:
        click.echo(f"raters: {url}/r/...   leader: {url}/leader   links in {folder.links}")

    try:
        serve_app(study_site(folder, store, config, hosts), host, port, beyond_loopback, ready)
    finally:
        store.close()


@study.command()
@_out
def export(out: Path) -> None:
    """All votes so far to tables and shards; may be run while the study is served."""
    from annotation.votes.vote_store import VoteStore
    from pipeline.run.lock import only_writer
    from pipeline.study.export_study import export_study

    folder = _study_folder(out.absolute())
    config = _own_config(folder)
    store = VoteStore(folder.votes)
    try:
        with only_writer(folder.root):
            results = export_study(folder, store, config)
    finally:
        store.close()
    valid = sum(rating.valid for rating in results.ratings)
    click.echo(f"{len(results.ratings):,} ratings, {valid:,} of them valid")
    for rater in results.raters:
        if not rater.valid:
            click.echo(f"left out {rater.rater}: {rater.why}")
    for agreement in results.agreement:
        if agreement.value is not None:
            click.echo(f"alpha {agreement.question:13} {agreement.value:.3f}")
    if results.estimates:
        shard(Job(None, folder.space, config, 1, "local"), "seagull-3k")


@study.command()
@_out
@click.option("--votes", type=click.IntRange(1), help="Spend so many further votes.")
@click.option(
    "--by", type=click.Choice(["interval", "scorers"]), default="interval", show_default=True,
    help="Where: widest interval, or two scorers of tables/scores disagreeing most.",
)  # fmt: skip
def extend(out: Path, votes: int | None, by: str) -> None:
    """Give ratings that are missing to other raters; with --votes, plan further ones."""
    from annotation.votes.vote_store import VoteStore
    from pipeline.study.extend_study import extend_study

    folder = _study_folder(out.absolute())
    config = _own_config(folder)
    store = VoteStore(folder.votes)
    try:
        made = extend_study(folder, store, config, votes, by)
    finally:
        store.close()
    click.echo(f"{made.given:,} ratings given to raters, {made.short:,} that nobody can take")


COMMANDS = (study,)
