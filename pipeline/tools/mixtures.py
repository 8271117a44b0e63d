"""Renderings with two or more distortions, from a YAML of recipes, beside the dataset.

They lie in `OUT/mixtures`, a workspace of its own with `renderings/` and the table of them. One
process; what fails is said and the next scene taken.
"""

from collections.abc import Sequence
from pathlib import Path

from isp.development.recipes import mixtures
from isp.development.renderer import develop
from manifests.config import Config
from manifests.errors import SceneError
from manifests.files import fresh_folder
from manifests.progress import progress
from manifests.records import Rendering
from manifests.tables import write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.worker import cap_threads
from pipeline.stages.render_stage import store


def render_mixtures(
    sources: Sequence[Source], recipes: Path, space: Workspace, config: Config
) -> list[str]:
    """Develop every source by the recipes of the YAML; returns what failed, a line each.

    Raises:
        SeagullError: the YAML is none, or names what there is not.
    """
    cap_threads()
    wanted = mixtures(recipes)
    failed = []
    with progress(len(sources), "mix", "scenes") as bar:
        for source in sources:
            key, render = source.scene_id, config.render
            try:
                raw = source.file
                _, images = develop(raw, source.sha256, wanted, render, config.seed)
                folder = fresh_folder(space.renderings(key))
                rows = [store(image, key, folder, space) for image in images]
            except SceneError as error:
                failed.append(f"{key}: {error.reason}: {error.message}")
            else:
                write_records(space.table_file("renderings", key), rows, Rendering)
            bar.update()
    return failed
