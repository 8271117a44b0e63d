"""One frozen dataclass a table; `tables.py` derives the Parquet schemas from their fields."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WhiteBalance:
    """Gains on camera R, G, B, green = 1, and where they came from."""

    source: str  # camera | daylight | gray_world | configured
    gains: tuple[float, ...]


@dataclass(frozen=True)
class Scene:
    """One RAW file. Unknown EXIF values are None, never 0."""

    scene_id: str
    path: str
    sha256: str
    bytes: int
    camera_make: str | None
    camera_model: str | None
    lens: str | None
    lens_correction: str  # "none: <why>" or the lensfun profile and its score
    iso: float | None
    shutter_s: float | None
    aperture_f: float | None
    focal_length_mm: float | None
    raw_width: int
    raw_height: int
    white_balance: WhiteBalance
    split: str  # train | val | test


@dataclass(frozen=True)
class Rendering:
    """One image of a scene. `params` (JSON) and the RAW are enough to make its bytes again."""

    rendering_id: str
    scene_id: str
    distortion: str  # "none" for the reference
    level: int  # 0 for the reference, else 1..20 by severity
    parameter: float  # signed, in `unit`; 0.0 for the reference
    unit: str
    params: str
    path: str  # relative to the workspace, with forward slashes
    sha256: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True)
class Roi:
    """A mask on the reference of a scene, in the pixels of the renderings."""

    roi_id: str
    scene_id: str
    kind: str  # object | component
    class_name: str | None
    score: float | None  # the detector's, where it has one
    predicted_iou: float | None
    stability: float | None
    bbox_xywh: tuple[int, ...]
    area: int  # pixels inside the mask
    width: int  # of the reference
    height: int
    rle: str  # COCO compressed RLE counts, ASCII
    source: str  # the models that made it, with their weights' sha256


@dataclass(frozen=True)
class Label:
    """What is said of one ROI in one rendering."""

    rendering_id: str
    roi_id: str
    scene_id: str
    quality: float
    importance: float
    distortion_label: str  # without, or the rendering's distortion
    scorer: str
    scorer_version: str


@dataclass(frozen=True)
class Failure:
    """What did not come about, and why. `reason` is one of `errors.REASONS`."""

    stage: str
    key: str
    reason: str
    message: str
    attempts: int
    fingerprint: str  # of what was tried: the same again would fail again


Record = Scene | Rendering | Roi | Label | Failure
