"""What the driver of a run knows of a workspace in a store, and how it comes to know it.

A listing is where the look begins, not what is believed: what it leaves out of scenes that are
known otherwise is asked for by name, so that one which lags behind loses and doubles nothing.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from manifests.done import Done, read_done
from manifests.mirrors import mirror_of, mirrored
from manifests.store_url import StoreUrl
from manifests.workspace import Workspace
from pipeline.intake.memory_of_sources import memory_file
from pipeline.intake.missing import remembered_sources
from pipeline.stages.all_stages import BUILD
from pipeline.store.caching import mirror_folder
from pipeline.store.object_store import ObjectStore
from pipeline.store.store_mirror import StoreMirror

_WITH_CONTENT = ("done/", "tables/scenes/", "tables/failures/")


@contextmanager
def opened(url: StoreUrl) -> Iterator[Workspace]:
    """A workspace in a store, through its mirror; its configuration is here, the rest by `pull`.

    Messages of errors name the URL, not the mirror.

    Raises:
        MachineError: the store cannot be reached, or there is no such bucket.
    """
    with mirror_folder(url) as home:
        mirror = StoreMirror(ObjectStore(url), home)
        workspace = Workspace(mirror.root, str(url))
        try:
            with mirrored(mirror):
                mirror.refresh([mirror.name(workspace.config)])
                yield workspace
        except Exception as error:
            error.args = tuple(mirror.shown(a) if isinstance(a, str) else a for a in error.args)
            raise
        finally:
            mirror.close()


def workspace_mirror(folder: Path) -> StoreMirror | None:
    """Return the mirror whose workspace the folder is; None for a folder of a disk."""
    mirror = mirror_of(folder)
    return mirror if isinstance(mirror, StoreMirror) and mirror.root == folder else None


def pull(mirror: StoreMirror) -> None:
    """Bring the mirror up to date, with the content of all records and of small tables."""
    workspace = Workspace(mirror.root)
    mirror.pull(_has_content)
    mirror.refresh(map(mirror.name, (workspace.config, memory_file(workspace))))
    keys: Iterable[str] = sorted(remembered_sources(workspace))
    for stage in BUILD:
        records = {key: workspace.done(stage, key) for key in keys}
        mirror.bring(mirror.name(record) for record in records.values() if not record.exists())
        keys = [key for key, record in records.items() if record.exists()]
        for key in keys:
            done = read_done(records[key])
            if done and done.first_change(mirror.root):
                mirror.look_up(done.files)


def _has_content(name: str) -> bool:
    small = name.startswith(_WITH_CONTENT) or "/" not in name
    return small or (name.startswith("shards/") and name.endswith(".json"))


def bring(workspace: Workspace, files: Iterable[Path]) -> None:
    """Have the content of files here, where the workspace lies in a store."""
    if mirror := workspace_mirror(workspace.root):
        mirror.bring(map(mirror.name, files))


def bring_tables(workspace: Workspace) -> None:
    """Have all tables here, for who reads them whole."""
    bring(workspace, workspace.root.glob("tables/*/*.parquet"))
    bring(workspace, workspace.root.glob("study/tables/*/*.parquet"))


def names_apart(workspace: Workspace, below: str = "") -> list[str]:
    """List the files that a store has and that are not here, not even by name."""
    mirror = workspace_mirror(workspace.root)
    return [name for name in mirror.names_apart() if name.startswith(below)] if mirror else []


def adopt(workspace: Workspace, done: Done, record: Path, base: Path) -> None:
    """Note what a worker put into the store; its files are named relative to `base`."""
    mirror = workspace_mirror(workspace.root)
    if mirror:
        mirror.adopt(done, record, base)
