"""Published photographs into the study: their bytes, their ROIs, their rows.

A photograph is a scene of its own, and its only rendering is itself: nothing was done to it. What
fails is a row in `failures`, and the next of its turn takes its place.
"""

import concurrent.futures
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from annotation.sources.photo_file import PhotoFile, read_photo
from annotation.sources.published import Published
from labelers.engine.mask_models import MaskModels, load_mask_models, mask_models_identity
from labelers.engine.rois import VERSION as MASKS_VERSION
from labelers.engine.rois import find_rois
from manifests.config import Config, to_dict
from manifests.done import describe, fingerprint, read_done
from manifests.errors import SceneError
from manifests.files import sha256_of, write_atomic
from manifests.keys import NO_DISTORTION, image_stem, rendering_id, scene_id
from manifests.process.progress import progress
from manifests.ratings import Photograph
from manifests.records import Failure, Rendering, Roi, Scene, WhiteBalance
from manifests.rle import decode, encode
from manifests.tables import write_records
from manifests.workspace import Workspace
from pipeline.intake.sources import split_of
from pipeline.run.failures import forget_failure, write_failure
from pipeline.workers.worker import cap_threads

STAGE = "intake"
_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Taken:
    """A photograph that is in the study, with the number of its ROIs."""

    scene_id: str
    rois: int


def take_photographs(
    ordered: Sequence[Published], count: int, space: Workspace, config: Config, workers: int
) -> tuple[list[Taken], int]:
    """Take the first `count` that can be used; returns them and how many failed on the way."""
    taken: dict[str, Taken] = {}
    failed = 0
    waiting = iter(ordered)
    with progress(min(count, len(ordered)), "photographs", "photographs") as bar:
        while len(taken) < count:
            batch = [p for p, _ in zip(waiting, range(count - len(taken)))]  # noqa: B905
            if not batch:
                break
            for published, outcome in _outcomes(batch, space, config, workers):
                if isinstance(outcome, SceneError) or outcome.scene_id in taken:
                    failed += 1
                    _record_failure(space, published, outcome)
                else:
                    forget_failure(space, STAGE, _failure_key(published))
                    taken[outcome.scene_id] = outcome
                    bar.update()
    return list(taken.values()), failed


def _outcomes(
    batch: Sequence[Published], space: Workspace, config: Config, workers: int
) -> Iterator[tuple[Published, Taken | SceneError]]:
    """In the order of the batch, whoever is first; a process that dies costs its photograph."""
    from pebble import ProcessExpired, ProcessPool

    context = multiprocessing.get_context("spawn")
    with ProcessPool(max_workers=workers, context=context, initializer=cap_threads) as pool:
        futures = [
            pool.schedule(take_one, args=(published, space, config), timeout=_TIMEOUT_S)
            for published in batch
        ]
        for published, future in zip(batch, futures, strict=True):
            try:
                yield published, future.result()
            except SceneError as error:
                yield published, error
            except concurrent.futures.TimeoutError:
                yield published, SceneError("timeout", f"{published.path}: over {_TIMEOUT_S:g} s")
            except ProcessExpired as error:
                why = f"{published.path}: its worker ended with code {error.exitcode}"
                yield published, SceneError("died", why)


def _record_failure(space: Workspace, published: Published, outcome: Taken | SceneError) -> None:
    if isinstance(outcome, Taken):
        text = f"{published.path} is {outcome.scene_id}, which is in the study already"
        outcome = SceneError("duplicate", text)
    key = _failure_key(published)
    row = Failure(STAGE, key, outcome.reason, outcome.message, 1, sha256_of(key.encode())[:32])
    write_failure(space, row)


def _failure_key(published: Published) -> str:
    return f"{published.source}-{sha256_of(published.key.encode())[:16]}"


def take_one(published: Published, space: Workspace, config: Config) -> Taken:
    """Put one photograph and its ROIs into the study, unless they are there already.

    Raises:
        SceneError: the photograph cannot be used.
    """
    photo = read_photo(published.path)
    key = scene_id(published.path, photo.sha256)
    expected = _fingerprint(published, photo, config)
    done = read_done(space.done(STAGE, key))
    whole = done and done.fingerprint == expected
    if done and whole and done.first_change(space.root) is None:
        return Taken(key, done.counts["rois"])
    rois = _rois(photo, key, config)
    rendering = _store(photo, key, space)
    tables = {
        "scenes": (_scene(published, photo, key, config), Scene),
        "renderings": (rendering, Rendering),
        "photographs": (_photograph(published, photo, key), Photograph),
    }
    for name, (row, record) in tables.items():
        write_records(space.table_file(name, key), [row], record)
    write_records(space.table_file("candidates", key), rois, Roi)
    files = [space.table_file(name, key) for name in (*tables, "candidates")]
    files.append(space.root / rendering.path)
    counts = {"rois": len(rois)}
    describe(STAGE, key, expected, space.root, files, counts).write(space.done(STAGE, key))
    return Taken(key, len(rois))


def _fingerprint(published: Published, photo: PhotoFile, config: Config) -> str:
    return fingerprint(
        photograph=[published.source, published.file, published.mos, photo.sha256],
        long_edge=config.render.long_edge,
        masks=[MASKS_VERSION, to_dict(config.masks), mask_models_identity(config.masks)],
        seed=config.seed,
    )


def _rois(photo: PhotoFile, key: str, config: Config) -> list[Roi]:
    """ROIs at the photograph's own size, found on one no larger than renderings are."""
    height, width = photo.pixels.shape[:2]
    scale = config.render.long_edge / max(height, width)
    seen = photo.pixels
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        seen = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    rois = find_rois(seen, key, photo.sha256, config.seed, config.masks, _models(config))
    return rois if scale >= 1 else [enlarged(roi, width, height) for roi in rois]


def enlarged(roi: Roi, width: int, height: int) -> Roi:
    """The ROI on a larger copy of its image; its edge is drawn smoothly."""
    mask = decode(roi.rle, roi.height, roi.width).astype(np.float32)
    large = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
    x, y, w, h = cv2.boundingRect(large.astype(np.uint8))
    return replace(
        roi,
        bbox_xywh=(x, y, w, h),
        area=int(large.sum()),
        width=width,
        height=height,
        rle=encode(large),
    )


_LOADED: dict[str, MaskModels] = {}  # of this process: models load once


def _models(config: Config) -> MaskModels:
    identity = mask_models_identity(config.masks)
    if identity not in _LOADED:
        _LOADED[identity] = load_mask_models(config.masks, config.work.device)
    return _LOADED[identity]


def _store(photo: PhotoFile, key: str, space: Workspace) -> Rendering:
    path = space.renderings(key) / f"{image_stem(NO_DISTORTION, 0)}.{photo.extension}"
    write_atomic(path, photo.content)
    height, width = photo.pixels.shape[:2]
    return Rendering(
        rendering_id=rendering_id(key, NO_DISTORTION, 0),
        scene_id=key,
        distortion=NO_DISTORTION,
        level=0,
        parameter=0.0,
        unit="",
        params='{"photograph": "as published"}',
        path=path.relative_to(space.root).as_posix(),
        sha256=sha256_of(photo.content),
        bytes=len(photo.content),
        width=width,
        height=height,
    )


def _scene(published: Published, photo: PhotoFile, key: str, config: Config) -> Scene:
    height, width = photo.pixels.shape[:2]
    return Scene(
        scene_id=key,
        path=published.key,
        sha256=photo.sha256,
        bytes=len(photo.content),
        camera_make=None,
        camera_model=None,
        lens=None,
        lens_correction="none: a photograph as published",
        iso=None,
        shutter_s=None,
        aperture_f=None,
        focal_length_mm=None,
        raw_width=width,
        raw_height=height,
        white_balance=WhiteBalance("camera", ()),
        split=split_of(photo.sha256, config.shards),
    )


def _photograph(published: Published, photo: PhotoFile, key: str) -> Photograph:
    return Photograph(
        scene_id=key,
        source=published.source,
        file=published.file,
        sha256=photo.sha256,
        mos=published.mos,
        mos_top=published.mos_top,
        converted=photo.converted,
    )
