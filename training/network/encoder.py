"""The image encoder: multi-level features F_1..F_4 of a ConvNeXt (paper, section 4.1).

`compact` is a ConvNeXt of 16/32/64/128 channels, one block a stage, trained from scratch; any other
name is a timm ConvNeXt, for the paper's encoder
`convnext_large_mlp.clip_laion2b_ft_soup_320`, its weights read from a file. An encoder with given
weights is frozen, as in the paper; one without cannot be: frozen random features are near useless.
"""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from manifests.errors import SeagullError

COMPACT = "compact"
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_PUBLISHED = "https://huggingface.co/timm"


class Encoder(nn.Module):
    """F_1..F_4, at strides 4, 8, 16 and 32 of the overview."""

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, weights: str) -> None:
        super().__init__()
        self.body: Any = _compact() if name == COMPACT else _by_name(name)
        self.channels: list[int] = self.body.feature_info.channels()
        self.strides: list[int] = self.body.feature_info.reduction()
        self.frozen = False
        self.register_buffer("mean", torch.tensor(CLIP_MEAN).view(3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(CLIP_STD).view(3, 1, 1) * 255, persistent=False)
        if weights:
            _load(self.body, Path(weights), name)
            self.freeze()

    def freeze(self) -> None:
        """Learn no more."""
        self.frozen = True
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> "Encoder":
        """Training mode, which a frozen encoder never enters."""
        return super().train(mode and not self.frozen)

    def forward(self, views: Tensor) -> list[Tensor]:
        """(B, V, V, 3) uint8 RGB -> four maps (B, C_j, V / s_j, V / s_j)."""
        pixels = (views.permute(0, 3, 1, 2) - self.mean) / self.std
        return list(self.body(pixels.contiguous()))


def feature_key(key: str) -> str:
    """A key of a whole timm ConvNeXt, as its features alone name it."""
    return key.replace("stem.", "stem_").replace("stages.", "stages_")


def _compact() -> Any:
    import timm

    return timm.create_model(
        "convnext_atto",
        pretrained=False,
        features_only=True,
        depths=(1, 1, 1, 1),
        dims=(16, 32, 64, 128),
        conv_mlp=True,
        norm_layer="batchnorm2d",
        ls_init_value=None,
    )


def _by_name(name: str) -> Any:
    import timm

    if not timm.is_model(name) or "convnext" not in name:
        raise SeagullError(f"network.encoder '{name}' is neither compact nor a ConvNeXt of timm")
    return timm.create_model(name, pretrained=False, features_only=True)


def _load(body: nn.Module, path: Path, name: str) -> None:
    """Load a timm checkpoint of `name`, all of whose feature weights must be there."""
    import timm.models

    if not path.is_file():
        raise SeagullError(
            f"network.encoder_weights: {path} is missing; get the checkpoint of {name} from "
            f"{_PUBLISHED}/{name}"
        )
    try:
        stored: dict[str, Any] = timm.models.load_state_dict(
            str(path), use_ema=False, weights_only=True
        )
    except (OSError, EOFError, RuntimeError, UnpicklingError, SafetensorError) as error:
        raise SeagullError(f"{path} is no checkpoint of weights: {error}") from error
    wanted = body.state_dict()
    flat = {feature_key(key): v for key, v in stored.items()}
    matching = {k: flat[k] for k in wanted if k in flat and flat[k].shape == wanted[k].shape}
    if len(matching) < len(wanted):
        raise SeagullError(f"{path} is not {name}: {len(matching)} of {len(wanted)} weights match")
    body.load_state_dict(matching)
