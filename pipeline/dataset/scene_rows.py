"""The scenes' rows, kept up to date: of a RAW that moved, of splits with other shares.

A row lies under the record of the stage that wrote it, so both change together: the record first.
A run killed between the two leaves a row that, brought up to date again, is what the record says.
"""

from dataclasses import dataclass, replace

from manifests.config import Config
from manifests.done import Done, read_done
from manifests.errors import SceneError, SeagullError
from manifests.files import sha256_of, write_atomic
from manifests.records import Scene
from manifests.tables import parse_records, to_parquet
from manifests.workspace import Workspace
from pipeline.intake.sources import Source, split_of


@dataclass(frozen=True)
class Row:
    """A scene's row as it lies in its table."""

    scene: Scene
    sha256: str  # of the file

    @property
    def source(self) -> Source:
        """The RAW file that the row tells of."""
        return Source(self.scene.path, self.scene.sha256, self.scene.bytes, self.scene.scene_id)


def read_rows(workspace: Workspace) -> tuple[dict[str, Row], dict[str, str]]:
    """Read all rows by scene_id, and what is wrong with those that cannot be read."""
    rendered = {path.stem for path in workspace.done("render", "*").parent.glob("*.json")}
    there = {path.stem for path in workspace.table("scenes").glob("*.parquet")}
    rows: dict[str, Row] = {}
    damaged: dict[str, str] = {}
    for key in sorted(rendered | there):
        try:
            rows[key] = read_row(workspace, key)
        except SceneError as error:
            damaged[key] = error.message
    return rows, damaged


def read_row(space: Workspace, key: str) -> Row:
    """Read one scene's row; SceneError missing_input when it is not there or not whole."""
    path = space.table_file("scenes", key)
    try:
        content = path.read_bytes()
        (scene,) = parse_records(content, Scene, str(path))
    except (OSError, SeagullError, ValueError) as error:
        text = f"tables/scenes/{key}.parquet is missing or not whole"
        raise SceneError("missing_input", text) from error
    return Row(scene, sha256_of(content))


def current_row(
    space: Workspace,
    ledger_space: Workspace,
    stage: str,
    row: Row,
    config: Config,
    raw: str | None = None,
    write: bool = True,
) -> Scene:
    """Return a scene's row as it should be; written anew where split or path are not right.

    Args:
        space: of the row.
        ledger_space: of the record of `stage`, which wrote the row.
        stage: render or study.
        row: as it lies there.
        config: says the shares of the splits.
        raw: where the RAW lies now.
        write: False leaves the file as it is.

    Raises:
        SceneError: missing_input, when the row is not what its record says.
    """
    scene, key = row.scene, row.scene.scene_id
    path, record = space.table_file("scenes", key), ledger_space.done(stage, key)
    name = path.relative_to(ledger_space.root).as_posix()
    right = replace(scene, split=split_of(scene.sha256, config.shards), path=raw or scene.path)
    done = read_done(record)
    expected = done.files.get(name) if done else None
    if right == scene and expected in (None, row.sha256):
        return scene
    fresh = to_parquet([right], Scene)
    if expected not in (None, row.sha256, sha256_of(fresh)):
        raise SceneError("missing_input", f"{name} is not what was recorded of it")
    if not write:
        return right
    if done:
        _with_file(done, name, fresh).write(record)
    write_atomic(path, fresh)
    return right


def _with_file(done: Done, name: str, content: bytes) -> Done:
    return replace(
        done,
        files={**done.files, name: sha256_of(content)},
        sizes={**done.sizes, name: len(content)} if done.sizes else {},
    )
