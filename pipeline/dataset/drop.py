"""A scene taken out of the workspace, records first: what is left of a killed drop is no scene."""

from collections.abc import Sequence

from manifests.files import remove_file, remove_folder
from manifests.workspace import Workspace
from pipeline.run.failures import forget_failure, read_failures
from pipeline.run.pulling import names_apart


def drop_scenes(workspace: Workspace, keys: Sequence[str]) -> int:
    """Remove all that was made of the scenes, the study's part included; returns how many files."""
    wanted = set(keys)
    for failure in read_failures(workspace):
        if failure.key.removesuffix("_copy") in wanted:
            forget_failure(workspace, failure.stage, failure.key)
    return sum(_drop(workspace, key) for key in keys)


def _drop(workspace: Workspace, key: str) -> int:
    files = sorted(workspace.done("*", "*").parent.parent.glob(f"*/{key}.json"))
    spaces = [workspace, Workspace(workspace.study), Workspace(workspace.mixtures)]
    for space in spaces:
        files += sorted(space.table("*").parent.glob(f"*/{key}.parquet"))
    folders = [space.renderings(key) for space in spaces] + [workspace.xmp / key]
    count = len(files) + sum(len(list(folder.glob("*"))) for folder in folders)
    count += len(names_apart(workspace, f"renderings/{key}/"))
    for file in files:
        remove_file(file)
    for folder in folders:
        remove_folder(folder)
    return count


def holds(workspace: Workspace, key: str) -> bool:
    """Say whether anything in the workspace was made of the scene."""
    made = [workspace.renderings(key), workspace.table_file("scenes", key)]
    return any(path.exists() for path in [*made, workspace.done("render", key)])
