"""The scenes' rows, kept up to date: of a RAW that moved, of splits with other shares.

A row lies under the record of the stage that wrote it, so both change together: the record first.
A run killed between the two leaves a row that, brought up to date again, is what the record says.
"""

from collections.abc import Mapping
from dataclasses import replace

from manifests.config import Config
from manifests.done import Done, read_done
from manifests.errors import SceneError, SeagullError
from manifests.files import sha256_of, write_atomic
from manifests.records import Scene
from manifests.tables import parse_records, to_parquet
from manifests.workspace import Workspace
from pipeline.intake.sources import split_of


def current_row(
    space: Workspace,
    ledger_space: Workspace,
    stage: str,
    key: str,
    config: Config,
    paths: Mapping[str, str] | None = None,
) -> Scene:
    """Return a scene's row, written anew where its split or path is no longer right.

    Args:
        space: of the row.
        ledger_space: of the record of `stage`, which wrote the row.
        stage: render or study.
        key: the scene_id.
        config: says the shares of the splits.
        paths: where RAW files lie now, by scene_id; others stay.

    Raises:
        SceneError: missing_input, when the row is not there or not what its record says.
    """
    path, record = space.table_file("scenes", key), ledger_space.done(stage, key)
    name = path.relative_to(ledger_space.root).as_posix()
    try:
        content = path.read_bytes()
        (scene,) = parse_records(content, Scene, str(path))
    except (OSError, SeagullError, ValueError) as error:
        raise SceneError("missing_input", f"{name} is no whole row of a scene") from error
    right = replace(
        scene,
        split=split_of(scene.sha256, config.shards),
        path=(paths or {}).get(key, scene.path),
    )
    done = read_done(record)
    expected = done.files.get(name) if done else None
    if right == scene and expected in (None, sha256_of(content)):
        return scene
    fresh = to_parquet([right], Scene)
    if expected not in (None, sha256_of(content), sha256_of(fresh)):
        raise SceneError("missing_input", f"{name} is not what {record.name} says")
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
