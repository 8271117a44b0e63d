"""What a stage is: one kind of work, done scene by scene.

A stage says what it comes after, what its output depends on (`inputs` of the configuration and its
models, `reads` of what came before), how to load its models once a worker, and how to do its work;
and which files it `opens`, for a workspace in a store. It knows no Ray.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from manifests.config import Config
from manifests.done import Done, describe, fingerprint
from manifests.images import read_image
from manifests.keys import NO_DISTORTION, image_stem
from manifests.records import Rendering
from manifests.tables import read_records
from manifests.workspace import Workspace
from pipeline.intake.sources import Source


@dataclass(frozen=True)
class Unit:
    """One scene's turn in one stage."""

    source: Source
    workspace: Workspace
    config: Config

    @property
    def key(self) -> str:
        """The scene_id, which names the scene's files."""
        return self.source.scene_id


@dataclass(frozen=True)
class StageOutput:
    """What a stage left on disk: files (their sha256 is taken afterwards) and counts."""

    files: tuple[Path, ...]
    counts: Mapping[str, int]


Dones = Mapping[str, Done]


@dataclass(frozen=True)
class Stage:
    """One kind of work, done scene by scene: see the module's docstring for its parts."""

    name: str
    after: tuple[str, ...]
    inputs: Callable[[Config], Mapping[str, Any]]
    reads: Callable[[Source, Dones], Any]
    load: Callable[[Config], Any]
    work: Callable[[Unit, Any], StageOutput]
    on_gpu: bool = False
    opens: Callable[[str], bool] = lambda name: True  # a file of what came before, by its name
    opens_raw: bool = False

    def fingerprint(self, source: Source, inputs: Mapping[str, Any], dones: Dones) -> str:
        """Hash all that makes this stage's output for this scene."""
        return fingerprint(
            stage=self.name, scene=source.scene_id, inputs=inputs, reads=self.reads(source, dones)
        )


def record_done(stage: str, unit: Unit, fingerprint: str, made: StageOutput) -> Done:
    """Write the record that `made` is whole; the last thing a stage does."""
    done = describe(stage, unit.key, fingerprint, unit.workspace.root, made.files, made.counts)
    done.write(unit.workspace.done(stage, unit.key))
    return done


def is_other_rendering(name: str) -> bool:
    """Say whether a file of a scene, relative to the workspace, is a rendering but the reference.

    >>> [is_other_rendering(f"renderings/{name}") for name in ("a/ref.jpg", "a/blur_01.jpg")]
    [False, True]
    """
    path = PurePosixPath(name)
    return path.parts[0] == "renderings" and path.stem != image_stem(NO_DISTORTION, 0)


def reference_of(unit: Unit) -> np.ndarray:
    """Read the scene's reference as it lies in the workspace: encoded RGB, uint8 HxWx3."""
    rows = read_records(unit.workspace.table_file("renderings", unit.key), Rendering)
    return read_image(unit.workspace.file(rows[0].path))
