"""No-reference metrics of pyiqa by name, with weights by path: what baselines are made of.

The weights are the state dict of pyiqa's whole network (`metric.py` says how to save it); for
`qualiclip` its authors' QualiCLIP.pth, which holds all of it. Another metric that fetches its
backbone in a way of its own cannot be made without the network and is refused.
"""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from labelers.loading import weights
from labelers.loading.iqa import blank_metric, create_metric
from labelers.scorers.metric import HOW_TO_SAVE
from manifests.errors import SeagullError

QUALICLIP = "qualiclip"
_PUBLISHED = "huggingface.co/chaofengc/IQA-PyTorch-Weights: QualiCLIP.pth"


def open_no_reference(name: str, path: Path, device: str) -> Any:
    """Load pyiqa's metric `name` (hyperiqa, dbcnn, cnniqa, ...) with the state dict at `path`.

    Returns:
        pyiqa's InferenceModel: `net`, `lower_better`, and a call on (N, 3, H, W) in [0, 1].

    Raises:
        SeagullError: no such metric, or the file is not its network's.
    """
    if not path.is_file():
        raise SeagullError(f"{path} is missing: {_where(name)}")
    if name == QUALICLIP:
        return _qualiclip(path, device)
    metric = blank_no_reference(name, device)
    weights.load_into(metric.net, weights.read_state(path), path, name)
    return metric


def _where(name: str) -> str:
    return _PUBLISHED if name == QUALICLIP else f"{HOW_TO_SAVE.format(name=name)}or train it there"


def blank_no_reference(name: str, device: str) -> Any:
    """The metric `name` before its weights are loaded; errors as above."""
    import timm

    unfetched = partial(_made_without_weights, timm.create_model)
    try:
        with patch.object(timm, "create_model", unfetched):
            metric = blank_metric(name, device)
    except SeagullError:
        raise
    except Exception as error:  # whatever pyiqa's architectures raise without a network
        reason = str(error).splitlines()[0][:160]
        raise SeagullError(
            f"pyiqa's '{name}' cannot be made without its files: {reason}"
        ) from error
    if metric.metric_mode != "NR":
        raise SeagullError(f"pyiqa's '{name}' compares with a reference; a baseline has none")
    return metric


def _made_without_weights(create: Any, *names: Any, **options: Any) -> Any:
    return create(*names, **{**options, "pretrained": False})


def _qualiclip(path: Path, device: str) -> Any:
    """QualiCLIP from one file: a CLIP of whatever widths, and the features of its prompts."""
    create_metric("psnr", device="cpu")  # imports the architectures
    architecture = _qualiclip_architecture()
    from pyiqa.archs.clip_model import build_model

    state = weights.read_state(path)
    clip = {name.replace("clip_model.", ""): value for name, value in state.items()}
    clip.pop("prompts_features", None)
    given: Mapping[str, Any] = {
        "load": lambda *_: build_model(dict(clip)).float(),
        "load_file_from_url": lambda *_: str(path),
    }
    try:
        with ExitStack() as stack:
            for function, value in given.items():
                stack.enter_context(patch.object(architecture, function, value))
            metric = create_metric(QUALICLIP, device=device)
    except (KeyError, RuntimeError, AssertionError, IndexError) as error:
        raise SeagullError(f"{path} is not {QUALICLIP}'s ({_PUBLISHED})") from error
    metric.net.tower = metric.net.clip_model[0]  # pyiqa hides it from those who would train it
    return metric


def _qualiclip_architecture() -> ModuleType:
    """Pyiqa's module of QualiCLIP.

    It imports OpenAI's clip for the prompts of QualiCLIP+ alone, and that imports pkg_resources,
    which setuptools has no more.
    """
    needed = "pyiqa.archs.clip_imports"
    try:
        import_module(needed)
    except ImportError:
        stand_in = ModuleType(needed)
        stand_in.__dict__.update(clip=None, SimpleTokenizer=None)
        with patch.dict(sys.modules, {needed: stand_in}):
            made = import_module("pyiqa.archs.qualiclip_arch")
        sys.modules[made.__name__] = made
    return import_module("pyiqa.archs.qualiclip_arch")
