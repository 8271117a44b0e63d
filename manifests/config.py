"""Configuration: a frozen dataclass a section, whose ranges `__post_init__` checks.

Types are checked where values come from outside (presets.py). What a stage's output depends on is
its own section, so that changing the training does not redo the renderings.
"""

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from manifests.done import fingerprint
from manifests.files import sha256_of_file


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class RenderConfig:
    """How a RAW becomes its 121 images."""

    long_edge: int = 1024  # pixels of the renderings; smaller RAWs are not enlarged
    demosaic: Literal["linear", "ppg", "ahd", "dcb", "dht"] = "ahd"
    noise: Literal["matched", "demosaiced"] = "matched"  # matched: where 4 photosites and more,
    # each way, make a pixel, noise is reduced without a demosaicing and matched to what one leaves
    tone: Literal["neutral", "standard", "camera"] = "standard"
    lens: bool = True  # correct by lensfun where there is an exact match
    format: Literal["jpg", "png"] = "jpg"  # of all renderings but compression's
    jpeg_quality: int = 95  # 4:4:4, for format jpg
    levels: str = "shipped"  # or a YAML of settings in the shipped table's form
    max_megapixels: float = 150.0  # refuse larger mosaics before decoding

    def __post_init__(self) -> None:
        _require(64 <= self.long_edge <= 16384, "long_edge must be 64..16384 pixels")
        _require(1 <= self.jpeg_quality <= 100, "jpeg_quality must be 1..100")


@dataclass(frozen=True)
class MasksConfig:
    """Which models find ROIs and which of their masks are kept."""

    detector: str = "embedded"  # seem | detectron2 | hf, or one of a package (docs/extending.md)
    segmenter: str = "embedded"  # sam | hf, or one of a package
    detector_weights: str = ""  # a checkpoint, or a folder for hf
    detector_options: dict[str, Any] = field(
        default_factory=dict
    )  # python, repo, config, threshold
    segmenter_weights: str = ""
    segmenter_model: str = "vit_b"  # vit_b | vit_l | vit_h, for sam
    literal: bool = False  # only what the paper says: random points and the area filter
    points: int = 48  # random points for components
    max_objects: int = 10
    max_components: int = 24
    min_area: int = 1024  # 32x32 pixels of the reference (paper, section 3.1.2)
    predicted_iou: float = 0.88
    stability: float = 0.95
    nms_iou: float = 0.7

    def __post_init__(self) -> None:
        _require(self.points >= 1, "points must be at least 1")
        _require(self.min_area >= 1, "min_area must be at least 1 pixel")
        _require(0 < self.nms_iou <= 1, "nms_iou must be in (0, 1]")


@dataclass(frozen=True)
class ScorerConfig:
    """One scorer of the ROIs."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    scorer: str = "embedded"  # embedded (weight-free), pyiqa's by name, or a package's
    weights: str = ""  # for topiq_fr and other learned metrics: the checkpoint
    without_above: float | None = None  # None: the scorer's own threshold (TOPIQ's is 0.92)
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"  # of TOPIQ; the others compute in float64


@dataclass(frozen=True)
class LabelsConfig(ScorerConfig):
    """The scorer whose labels are the dataset's, and others that are asked in the same pass."""

    also: tuple[ScorerConfig, ...] = ()  # into tables/scores, each with its own threshold

    def __post_init__(self) -> None:
        names = [self.scorer, *(other.scorer for other in self.also)]
        _require(len(set(names)) == len(names), f"a scorer is named twice in {', '.join(names)}")


@dataclass(frozen=True)
class ShardsConfig:
    """How the dataset is cut and split."""

    megabytes: int = 256  # a shard is closed when its next scene would exceed this
    train: float = 0.8
    val: float = 0.1  # the rest is test
    salt: str = ""  # another salt, another split; hashed with the RAW's sha256

    def __post_init__(self) -> None:
        _require(self.megabytes >= 1, "megabytes must be at least 1")
        _require(
            0 <= self.train <= 1 and 0 <= self.val <= 1 and self.train + self.val <= 1,
            "train and val must be shares with train + val <= 1",
        )


@dataclass(frozen=True)
class NetworkConfig:
    """The SEAGULL network. The defaults are the compact one that learns on two cores."""

    model: str = ""  # a folder to begin with: an exported network, or the released SEAGULL-7B
    encoder: str = "compact"  # or a timm ConvNeXt by name
    encoder_weights: str = ""  # frozen where given, trained where not
    llm: str = "compact"  # or the folder of a Llama in transformers' format
    view: int = 128  # pixels of the square overview
    patch: int = 64  # native pixels of the square local crop
    width: int = 128  # P of the mask-based feature extractor
    extractor: Literal["paper", "released"] = "paper"  # released: SEAGULL-7B's, at 512 pixels
    projector: Literal["linear", "mlp2x_gelu"] = "linear"  # image tokens -> LLM
    prompt: Literal["paper", "released"] = "paper"
    resize: Literal["area", "bicubic"] = "area"  # of the overview; bicubic: shortest edge, squashed
    image_tokens_from: Literal[3, 4] = 4
    key_tokens: Literal["spatial", "channel"] = "spatial"
    sa_over: Literal["levels", "rois"] = "levels"  # self-attention of eq. 3
    sa_norm: Literal["pre", "post", "none"] = "pre"  # none: attention alone, as eq. 3 has it
    mask_pooling: Literal["touched", "area", "bilinear"] = "touched"  # MP of eq. 2
    fuse_gelu: bool = True  # between the two layers of eq. 4, which has none
    local_view: Literal["native", "crop"] = "native"  # crop: the masked ROI through two CNNs
    global_token: bool = True
    local_token: bool = True
    roi_dropout: float = 0.4  # of what is made of a ROI's statistics; half of it of the statistics,
    # a quarter of it of the ROI's tokens
    readings: bool = True  # what the auxiliary heads read is told to the LLM
    readings_alone: float = 0.5  # share of ROIs of which it is told nothing else, while training
    lora_rank: int | None = None  # None: 128 beside a given LLM; 0: train the LLM whole
    lora_alpha: int | None = None  # None: twice the rank
    lora_dropout: float = 0.05
    llm_precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 where it is frozen

    @property
    def rank(self) -> int:
        """LoRA's rank; the paper's 128 beside a given LLM, where none is said."""
        if self.lora_rank is None:
            return 0 if self.llm == "compact" else 128
        return self.lora_rank

    @property
    def alpha(self) -> int:
        """LoRA's alpha; twice the rank where none is said, as in the paper."""
        return 2 * self.rank if self.lora_alpha is None else self.lora_alpha

    @property
    def frozen_llm(self) -> bool:
        """Whether the LLM's own weights stay as they are, with LoRA beside them."""
        return self.rank > 0

    def __post_init__(self) -> None:
        _require(self.width >= 8 and self.width % 8 == 0, "width must be a multiple of 8 heads")
        _require(self.view >= 32 and self.patch >= 16, "view must be 32 or more, patch 16 or more")
        _require(self.global_token or self.local_token, "global_token or local_token must be true")
        _require(
            self.rank >= 0 and self.alpha >= 0, "lora_rank and lora_alpha must not be negative"
        )
        _require(0 <= self.lora_dropout < 1, "lora_dropout must be in [0, 1)")
        _require(0 <= self.roi_dropout < 1, "roi_dropout must be in [0, 1)")
        _require(0 <= self.readings_alone <= 1, "readings_alone must be a share in [0, 1]")


@dataclass(frozen=True)
class TrainConfig:
    """One stage of training."""

    epochs: float = 1.0
    steps: int = 0  # 0: from the epochs
    batch: int = 32  # images a step, over all processes
    micro_batch: int = 0  # images a forward pass of a process; 0: batch / processes
    rois: int = 1  # taken of each image, one question each
    share: float = 1.0  # of the training images (table 3 of the paper)
    scratch: bool = False  # stage 2 from new weights instead of stage 1's (table 4)
    learning_rate: float = 2e-3
    warm_up: float = 0.04
    weight_decay: float = 0.0
    questions: Literal["drawn", "fixed"] = "drawn"  # fixed: an epoch asks a ROI's six, once each
    judgments: float = 0.5  # chance that a question is a judgment (JIR); 0 leaves them out
    word_targets: Literal["hard", "soft"] = "hard"  # soft: a level's word shares with its neighbour
    augmentation: Literal["none", "symmetries", "channels"] = "symmetries"  # channels: and orders
    auxiliary: float = 0.5  # weight of the heads that read type and levels from the ROI tokens
    device: str = "cpu"
    precision: Literal["auto", "fp32", "bf16"] = "auto"  # auto: bf16 beside a given LLM
    gradient_checkpointing: bool = False  # of the LLM: less memory, a third more computing
    threads: int = 2
    checkpoint_every: int = 200  # steps
    validate_every: int = 0  # steps; 0: at the end, where there is a val split
    validate_rois: int = 256

    def __post_init__(self) -> None:
        _require(0 <= self.judgments <= 1, "judgments must be a share in [0, 1]")
        _require(0 < self.share <= 1, "share must be in (0, 1]; without pretraining: scratch")
        _require(self.rois >= 1 and self.micro_batch >= 0, "rois >= 1 and micro_batch >= 0")
        _require(self.batch >= 1 and self.learning_rate > 0, "batch and learning_rate must be > 0")


@dataclass(frozen=True)
class ScreeningConfig:
    """When a rater needs a look, and when one is left out: see annotation/screening."""

    golden: float = 0.7  # least share of golden items answered as known
    repeats: float = 1.3  # largest mean difference of two answers about one ROI, in categories
    straight_lining: float = 0.8  # largest share of one and the same quality
    seconds: float = 3.0  # least median time of an item
    leave_one_out: float = 0.5  # least correlation with the mean of the others
    bt500: float = 0.05  # largest share of two-sided outliers (ITU-R BT.500-14)
    p913: float = 0.75  # least correlation with the mean (ITU-T P.913)
    least_answers: int = 20  # under which a rater is not judged
    least_failures: int = 2  # failed checks that leave a rater out

    def __post_init__(self) -> None:
        _require(0 <= self.golden <= 1, "golden must be a share in [0, 1]")
        _require(0 < self.straight_lining <= 1, "straight_lining must be a share in (0, 1]")
        _require(self.seconds >= 0, "seconds must be 0 or more")
        _require(self.least_failures >= 1, "least_failures must be 1 or more")


@dataclass(frozen=True)
class StudyConfig:
    """SEAGULL-3k. Without people the demo simulates them, and says so wherever they appear."""

    images: int = 968  # photographs of the study (paper, section 3.2)
    rois: int = 3261  # of all photographs together
    raters: int = 24
    ratings_per_roi: int = 7
    images_per_scene: int = 8  # mixed-distortion renderings, for the simulated study
    rois_per_image: int = 3
    session_items: int = 60  # golden items and repeats among them
    golden_per_session: int = 3
    repeats_per_session: int = 3
    opinion: Literal["mean", "model"] = "mean"  # what the shards' labels are
    screening: ScreeningConfig = field(default_factory=ScreeningConfig)

    def __post_init__(self) -> None:
        _require(self.images >= 1 and self.rois >= 1, "images and rois must be 1 or more")
        _require(
            1 <= self.ratings_per_roi <= self.raters <= 999,
            "ratings_per_roi must be 1 to the number of raters, and these at most 999",
        )
        _require(
            0 <= self.golden_per_session + self.repeats_per_session < self.session_items,
            "golden_per_session and repeats_per_session must leave room in session_items",
        )


@dataclass(frozen=True)
class EndlessConfig:
    """Samples made while a network learns (`--endless`). They change no byte of a workspace."""

    scenes: int = 16  # open at once: whose renderings are mixed
    parameters: Literal["levels", "drawn"] = "levels"  # drawn: anew each epoch, from a level's
    # setting to the next of its kind
    mixtures: str = ""  # a YAML as for `seagull mix`: each scene is shown by its recipes as well

    def __post_init__(self) -> None:
        _require(self.scenes >= 1, "scenes must be 1 or more")


@dataclass(frozen=True)
class WorkConfig:
    """How the work is done. Never part of a fingerprint: it must not change a byte."""

    attempts: int = 2  # for what may pass: a worker that died or ran out of time
    timeout_s: float = 14400.0  # limit of one scene in one stage; TOPIQ on a CPU takes an hour
    memory_mb: int = 0  # MiB one scene may take in one stage; 0: the machine's, shared by workers
    wait_s: float = 60.0  # without any worker for so long, a run ends and says why
    gpus: float = 0.0  # of one worker of masks and labels
    device: str = "cpu"

    def __post_init__(self) -> None:
        _require(self.memory_mb == 0 or self.memory_mb >= 256, "memory_mb must be 0 or 256 or more")
        _require(self.wait_s > 0, "wait_s must be > 0 seconds")


@dataclass(frozen=True)
class ReleaseConfig:
    """What a release says of itself, and the questions that only its publisher can answer.

    Never part of a fingerprint: it must not change a byte of the data.
    """

    name: str = "seagull-100w"
    version: str = "1.0.0"
    authors: tuple[str, ...] = ()
    contact: str = ""  # whom to write to: an address or a URL
    url: str = ""  # where the release will be found
    photographs: str = ""  # what the photographs are and where they are from
    pixels_licence: str = ""  # their terms: an SPDX identifier or a URL
    redistribute: bool | None = None  # do these terms let their renderings be passed on?
    labels_licence: str = ""  # of masks, labels and parameters: an SPDX identifier or a URL
    persons: Literal["", "none", "incidental", "consented"] = ""  # recognisable in photographs
    study: bool | None = None  # does the study that lies in the workspace go out too?
    ratings_licence: str = ""  # of its ratings: an SPDX identifier or a URL
    raters_consented: bool | None = None  # did all raters agree that their answers are published?

    def __post_init__(self) -> None:
        _require(
            re.fullmatch(r"[a-z0-9][a-z0-9-]{0,59}", self.name) is not None,
            "name must be lower-case letters, digits and '-', at most 60",
        )
        _require(
            re.fullmatch(r"\d+\.\d+\.\d+", self.version) is not None,
            "version must be three numbers as in 1.0.0",
        )


@dataclass(frozen=True)
class Config:
    """Everything one dataset is made with."""

    name: str = "paper"
    seed: int = 0
    render: RenderConfig = field(default_factory=RenderConfig)
    masks: MasksConfig = field(default_factory=MasksConfig)
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    shards: ShardsConfig = field(default_factory=ShardsConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    pretrain: TrainConfig = field(default_factory=TrainConfig)
    finetune: TrainConfig = field(default_factory=lambda: TrainConfig(learning_rate=5e-4, epochs=5))
    study: StudyConfig = field(default_factory=StudyConfig)
    endless: EndlessConfig = field(default_factory=EndlessConfig)
    work: WorkConfig = field(default_factory=WorkConfig)
    release: ReleaseConfig = field(default_factory=ReleaseConfig)

    @property
    def fingerprint(self) -> str:
        """Hash of every section but `endless`, `work` and `release`."""
        aside = ("endless", "work", "release")
        made_with = {k: v for k, v in to_dict(self).items() if k not in aside}
        made_with["render"]["levels"] = _content_of(self.render.levels)
        return fingerprint(**made_with)


def _content_of(levels: str) -> str:
    """A table of levels by its content, wherever it lies; the name where there is no file."""
    if levels == "shipped":
        return levels
    try:
        return sha256_of_file(Path(levels))
    except (OSError, ValueError):  # no file, or no name that a file can have
        return levels


def to_dict(config: Any) -> dict[str, Any]:
    """Turn a section, or the whole configuration, into plain values."""
    return dataclasses.asdict(config)
