"""What the commands share: the same options everywhere, and what they resolve to."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from manifests.done import describe
from manifests.errors import SeagullError
from manifests.files import write_atomic
from manifests.store_url import StoreUrl
from manifests.workspace import Workspace
from pipeline.cli.places import Place, PlaceType, no_url

if TYPE_CHECKING:
    from manifests.config import Config

FAILED = 1  # exit status of a run in which scenes failed, or of a verify that found problems


@dataclass(frozen=True)
class Job:
    """The options of one command, resolved."""

    raw: Place | None
    workspace: Workspace
    config: "Config"
    workers: int | None
    executor: str

    @property
    def raw_place(self) -> Place:
        """--raw, or an error that says it is needed."""
        if self.raw is None:
            raise SeagullError("which RAW files? give their folder with --raw (make: RAW=...)")
        return self.raw

    @property
    def raw_folder(self) -> Path:
        """--raw for a command that takes no URL."""
        assert isinstance(self.raw_place, Path)
        return self.raw_place

    def save_config(self) -> None:
        """Put the resolved configuration into the workspace, under a record."""
        from manifests.presets import to_yaml

        write_atomic(self.workspace.config, to_yaml(self.config))
        self.record("config", "config", [self.workspace.config])

    def record(self, what: str, key: str, files: Sequence[Path]) -> None:
        """Write the record of files that no stage made, so that `verify` knows them."""
        root = self.workspace.root
        done = describe(what, key, self.config.fingerprint, root, files)
        done.write(self.workspace.done(what, key))

    def start(self, work: Any) -> Any:
        """Make the executor that the options name, for `work`."""
        from pipeline.workers.executors import make_executor

        return make_executor(self.executor, self.workers, self.config.work, work)


_OPTIONS = (
    click.option("--raw", type=PlaceType(), help="Folder of RAW files, or one; or a store's URL."),
    click.option(
        "--out",
        type=PlaceType(file_okay=False),
        default=Path("data"),
        show_default=True,
        help="The workspace: everything of one dataset; a folder, or s3://BUCKET/FOLDER.",
    ),
    click.option(
        "--config",
        "config_name",
        help="A preset (demo, paper) or a YAML file. Default: the workspace's own, else paper.",
    ),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Repeatable."),
    click.option("--workers", type=click.IntRange(1), help="Default: the CPUs at hand."),
    click.option(
        "--executor",
        type=click.Choice(["ray", "local"]),
        default="ray",
        show_default=True,
        help="Ray (a cluster by RAY_ADDRESS), or processes of this machine.",
    ),
)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options; it receives them as one `Job`."""

    @functools.wraps(command)
    def wrapped(
        raw: Place | None,
        out: Place,
        config_name: str | None,
        overrides: Sequence[str],
        workers: int | None,
        executor: str,
        **others: Any,
    ) -> Any:
        from manifests.presets import load_config

        name = str(click.get_current_context().info_name)
        with _opened(name, raw, out) as workspace:
            config = load_config(config_name or _own_config(workspace), overrides)
            loads_models = others.get("endless") or name not in _LOADS_NO_MODEL
            if config_name is None and loads_models:
                _refuse_programs(workspace, config, overrides)
            return command(Job(raw, workspace, config, workers, executor), **others)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


@contextmanager
def _opened(name: str, raw: Place | None, out: Place) -> Iterator[Workspace]:
    """The workspace that a command was given, a folder's or a store's.

    Raises:
        SeagullError: the command takes no URL.
    """
    for option, place in (("--raw", raw), ("--out", out)):
        if isinstance(place, StoreUrl) and name not in _TAKES_URLS:
            raise SeagullError(no_url(str(place), f"seagull {name}: {option}"))
    if isinstance(out, StoreUrl) and out.scheme == "hf":
        raise SeagullError(
            "--out hf://...: every object would be a commit of its own; build on a disk or in a"
            " bucket, then `seagull release --push hf://...`"
        )
    if isinstance(out, Path):
        yield Workspace(out.absolute())  # workers may have another working directory
        return
    from pipeline.run.pulling import opened, pull, workspace_mirror

    with opened(out) as workspace:
        mirror = workspace_mirror(workspace.root)
        if mirror and name in _READS_UNLOCKED:
            pull(mirror)
        yield workspace


def writes_workspace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command run only while no other writes the workspace; tidy up after killed ones."""

    @functools.wraps(command)
    def wrapped(job: Job, **others: Any) -> Any:
        from pipeline.run.flow import tidy
        from pipeline.run.lock import only_writer

        with only_writer(job.workspace.root):
            tidy(job.workspace)
            needs_scene_files(job.workspace)
            return command(job, **others)

    return wrapped


def needs_scene_files(workspace: Workspace) -> None:
    """Let through a workspace whose tables are a file a scene, as whoever writes or checks needs.

    Raises:
        SeagullError: it is compacted.
    """
    from manifests.compacted import compacted_files

    if compacted_files(workspace.table("scenes")):
        raise SeagullError(
            f"the tables of {workspace.root} are compacted, which is for reading alone; run"
            f" `seagull compact --undo --out {workspace.root}` first"
        )


# Those that work on a workspace, or on RAW files, in a store; the others work on a disk.
_MADE_BY = {"render", "masks", "labels", "build", "shards", "retry", "repair", "drop"}
_READS_UNLOCKED = {"plan", "status", "show", "report"}
_TAKES_URLS = {
    "--out": _MADE_BY | _READS_UNLOCKED | {"verify"},
    "--raw": _MADE_BY | _READS_UNLOCKED | {"verify", "pretrain", "evaluate"},
}

# A command that is not among them may load a detector; a new one is not, until it is said here.
_LOADS_NO_MODEL = frozenset(
    {"status", "verify", "show", "report", "shards", "drop", "release"}
    | {"rebuild", "import", "audit", "compact"}
    | {"pretrain", "finetune", "evaluate"}
)


def _refuse_programs(workspace: Workspace, config: "Config", overrides: Sequence[str]) -> None:
    """Let a workspace, which may be another's, name no program: its user does.

    Raises:
        SeagullError: its configuration has one that no --set names.
    """
    from manifests.presets import load_config, programs

    named = programs(config)
    asked = programs(load_config("paper", overrides), any_detector=True)
    for key, value in named.items():
        if asked.get(key) != value:
            option = f"masks.detector_options.{key}"
            raise SeagullError(
                f"{workspace.config} would start a program ({option}: {value}); a workspace may"
                f" not: say so yourself, by --set {option}=... or --config with your own YAML"
            )


def _own_config(workspace: Workspace) -> str:
    return str(workspace.config) if workspace.config.is_file() else "paper"


def print_rows(rows: Mapping[str, Any]) -> None:
    """Names and values, a row a line."""
    for key, value in rows.items():
        click.echo(f"{key:28} {value:.4f}" if isinstance(value, float) else f"{key:28} {value}")
