"""The stages that work scene by scene, as a list one can read: the place to begin reading.

Each is a `Stage` (stage.py) with its work beside it. Sharding and training work on all scenes at
once and are not in this list.
"""

from pipeline.stages.render_stage import RENDER
from pipeline.stages.roi_stages import LABELS, MASKS
from pipeline.stages.stage import Stage
from pipeline.stages.study_stage import STUDY

STAGES: tuple[Stage, ...] = (RENDER, MASKS, LABELS, STUDY)
BUILD = ("render", "masks", "labels")


def stage_by_name(name: str) -> Stage:
    """Return the stage called `name`."""
    return next(stage for stage in STAGES if stage.name == name)
