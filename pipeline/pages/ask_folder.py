"""A folder of photographs becomes a Parquet of answers: a row a region, a row a failure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labelers.engine.mask_models import MaskModels
from manifests.config import Config
from manifests.errors import SceneError, SeagullError
from manifests.process.progress import progress
from manifests.rle import encode
from manifests.tables import write_records
from pipeline.intake.sources import RAW_SUFFIXES
from pipeline.pages.ask_regions import AskedRegion, Network, ask_regions
from pipeline.pages.open_photo import PHOTO_SUFFIXES, open_photo
from pipeline.pages.prompted import PromptedImage


@dataclass(frozen=True)
class AnswerRow:
    """One region's answer, or why a photograph has none (`reason`, `message`)."""

    photo: str  # relative to the folder
    region: str | None
    width: int | None  # of the photograph
    height: int | None
    bbox_xywh: tuple[int, ...] | None
    area: int | None
    rle: str | None  # COCO compressed counts, ASCII
    quality: str | None
    quality_score: float | None  # 0..4
    quality_probabilities: tuple[float, ...] | None  # bad .. excellent
    importance: str | None
    importance_score: float | None
    importance_probabilities: tuple[float, ...] | None  # unimportant .. essential
    distortions: tuple[str, ...] | None  # those said, in the paper's order
    severities: tuple[str, ...] | None  # of those; "" where the answer names none
    sentences: tuple[str, ...] | None
    reason: str | None  # one of errors.REASONS
    message: str | None


_FIELDS = AnswerRow.__dataclass_fields__


def find_photos(folder: Path) -> list[Path]:
    """Photographs and RAW files below `folder` by name, hidden ones left out, in name order.

    Raises:
        SeagullError: there is none.
    """
    known = PHOTO_SUFFIXES | RAW_SUFFIXES
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in known
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise SeagullError(f"{folder}: no photograph in it (expected .jpg, .png, .tif, RAW, ...)")
    return found


def ask_folder(
    folder: Path, table: Path, network: Network, models: MaskModels, config: Config
) -> tuple[int, int]:
    """Ask about every object of every photograph, into the Parquet `table`.

    Returns:
        How many regions were answered, and how many photographs failed.
    """
    photos = find_photos(folder)
    rows: list[AnswerRow] = []
    with progress(len(photos), "ask", "photographs") as bar:
        for path in photos:
            rows += _rows(path, path.relative_to(folder).as_posix(), network, models, config)
            bar.update()
    write_records(table, rows, AnswerRow)
    failed = sum(row.reason is not None for row in rows)
    return len(rows) - failed, failed


def _rows(
    path: Path, name: str, network: Network, models: MaskModels, config: Config
) -> Sequence[AnswerRow]:
    try:
        image = open_photo(path, config)
        found = PromptedImage(image, models, config.masks).objects
        if not found:
            raise SceneError("no_rois", f"{name}: no object found")
        asked = [(f"object {n}", one.mask) for n, one in enumerate(found, 1)]
        regions = ask_regions(network.open(image), asked)
    except SceneError as error:
        return [_row(name, reason=error.reason, message=error.message)]
    return list(_answered(name, regions))


def _answered(name: str, regions: Sequence[AskedRegion]) -> Iterator[AnswerRow]:
    for region in regions:
        answer = region.answer
        said = [d for d in answer.distortions if d.said]
        yield _row(
            name,
            region=region.asked,
            width=region.mask.shape[1],
            height=region.mask.shape[0],
            bbox_xywh=region.bbox_xywh,
            area=int(region.mask.sum()),
            rle=encode(region.mask),
            quality=answer.quality.word,
            quality_score=answer.quality.score,
            quality_probabilities=tuple(answer.quality.probabilities.values()),
            importance=answer.importance.word,
            importance_score=answer.importance.score,
            importance_probabilities=tuple(answer.importance.probabilities.values()),
            distortions=tuple(d.name for d in said),
            severities=tuple(d.severity or "" for d in said),
            sentences=answer.sentences,
        )


def _row(name: str, **known: object) -> AnswerRow:
    values = {**dict.fromkeys(_FIELDS), "photo": name, **known}
    return AnswerRow(**values)  # type: ignore[arg-type]
