"""Which images are exported, with which regions and labels: scene by scene, never all at once."""

from collections.abc import Iterator
from dataclasses import dataclass

from manifests.errors import SeagullError
from manifests.keys import NO_DISTORTION
from manifests.process.progress import progress
from manifests.records import Rendering, Roi
from pipeline.pages.scene_records import Said, Source


@dataclass(frozen=True)
class ExportedImage:
    """One rendering with the regions of its scene; a label is None where nothing is said."""

    split: str
    rendering: Rendering
    regions: tuple[tuple[Roi, Said | None], ...]


def exported_images(source: Source, every: bool) -> Iterator[ExportedImage]:
    """The references, or `every` rendering; scenes in order.

    Raises:
        SeagullError: there is no image to export, as where a study has no reference.
    """
    scenes, count = source.scenes(True), 0
    with progress(len(scenes), "export", "scenes") as bar:
        for entry in scenes:
            for image in _of_scene(source, entry.scene_id, every):
                count += 1
                yield image
            bar.update()
    if not count:
        raise SeagullError(f"{source.name} holds no reference; every image: --renderings")


def _of_scene(source: Source, scene_id: str, every: bool) -> Iterator[ExportedImage]:
    content = source.content(scene_id)
    said = {(one.rendering_id, one.roi_id): one for one in content.said}
    for row in content.renderings:
        if every or row.distortion == NO_DISTORTION:
            regions = ((roi, said.get((row.rendering_id, roi.roi_id))) for roi in content.rois)
            yield ExportedImage(content.entry.split or "train", row, tuple(regions))


def class_of(roi: Roi) -> str:
    """The category of a region: its class where the detector named one, else its kind."""
    return roi.class_name or roi.kind
