"""One frozen dataclass a table; `tables.py` derives the Parquet schemas from their fields."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WhiteBalance:
    """Gains on camera R, G, B, green = 1, and where they came from."""

    source: str  # camera | daylight | gray_world | configured
    gains: tuple[float, ...]


@dataclass(frozen=True)
class RawFile:
    """The file of a scene."""

    scene_id: str
    path: str  # as it was found
    sha256: str  # of the file
    bytes: int


@dataclass(frozen=True)
class Capture:
    """What a RAW says about how it was taken. Unknown values are None, never 0."""

    camera_make: str | None
    camera_model: str | None
    lens: str | None
    lens_correction: str  # "none: <why>" or the lensfun profile and its score
    iso: float | None
    shutter_s: float | None  # seconds
    aperture_f: float | None  # f-number
    focal_length_mm: float | None
    raw_width: int  # photosites, masked borders included
    raw_height: int
    white_balance: WhiteBalance


@dataclass(frozen=True)
class Scene(Capture, RawFile):
    """One RAW file: the columns of RawFile, then of Capture, then its split."""

    split: str  # train | val | test, by the hash of the RAW's sha256


@dataclass(frozen=True)
class Rendering:
    """One image of a scene. `params` (JSON) and the RAW are enough to make its bytes again."""

    rendering_id: str
    scene_id: str
    distortion: str  # "none" for the reference
    level: int  # 0 for the reference, else 1..20 by severity
    parameter: float  # signed, in `unit`; 0.0 for the reference
    unit: str  # EV | stops | px | percent | quality | mixed; "" for the reference
    params: str  # JSON: recipe, configuration, versions
    path: str  # relative to the workspace, with forward slashes
    sha256: str  # of the image file
    bytes: int
    width: int  # pixels
    height: int


@dataclass(frozen=True)
class Roi:
    """A mask on the reference of a scene, in the pixels of the renderings."""

    roi_id: str
    scene_id: str
    kind: str  # object | component
    class_name: str | None  # where the detector has classes
    score: float | None  # the detector's, where it has one
    predicted_iou: float | None  # the segmenter's, where it has one
    stability: float | None  # of the mask under another threshold, the segmenter's
    bbox_xywh: tuple[int, ...]  # pixels of the reference; x, y is the upper left corner
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
    quality: float  # score(the rendering's masked crop, the reference's); 1 is the same for most
    importance: float  # score(reference) - score(reference with the ROI of the rendering)
    distortion_label: str  # without, or the rendering's distortion; a mixture's, joined by +
    scorer: str
    scorer_version: str  # with the sha256 of its weights


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
