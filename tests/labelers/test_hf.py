"""transformers' folders by configuration: whole ones load, all others are refused in one line."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hf_models
import numpy as np
import pytest
import torch
from hf_detector_models import DETECTORS
from hf_models import SEGMENTERS
from safetensors.torch import load_file, save_file

from labelers.engine.mask_models import load_mask_models, mask_models_identity
from labelers.loading.hf import load_pretrained
from manifests.config import MasksConfig
from manifests.errors import SeagullError

_ALL: dict[str, Callable[[], tuple[Any, Any]]] = {**SEGMENTERS, **DETECTORS}
_WORDS = ("oneformer", "grounding_dino", "mm_grounding_dino", "owlvit", "owlv2", "sam3")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, built when first asked for."""
    base = tmp_path_factory.mktemp("hf")

    def folder(family: str) -> Path:
        path = base / family
        return path if path.exists() else hf_models.save(_ALL[family](), path)

    return folder


@pytest.fixture
def folder(request: pytest.FixtureRequest, folders: Callable, tmp_path: Path) -> Path:
    """A copy of a family's folder that may be spoilt."""
    return shutil.copytree(folders(request.param), tmp_path / request.param)


_every_family = pytest.mark.parametrize("folder", _ALL, indirect=True)


def _config(folder: Path, family: str = "", **options: Any) -> MasksConfig:
    """`folder` as what its family is; a detector gets words to look for."""
    if (family or folder.name) in SEGMENTERS:
        return MasksConfig(segmenter="hf", segmenter_weights=str(folder))
    options = {"text": ["cat", "dog"], "threshold": 0.0, **options}
    return MasksConfig(detector="hf", detector_weights=str(folder), detector_options=options)


def _refused(match: str, config: MasksConfig) -> None:
    with pytest.raises(SeagullError, match=match) as caught:
        load_mask_models(config, "cpu")
    assert "\n" not in str(caught.value)


def test_detector_and_segmenter_by_folder(folders: Callable) -> None:
    config = MasksConfig(
        detector="hf", detector_weights=str(folders("detr")), detector_options={"threshold": 0.0},
        segmenter="hf", segmenter_weights=str(folders("sam")),
    )  # fmt: skip
    models = load_mask_models(config, "cpu")
    assert re.fullmatch(
        r"hf:DetrForObjectDetection@[0-9a-f]{16}\+hf:SamModel@[0-9a-f]{16}", models.identity
    )
    assert models.identity == mask_models_identity(config)
    image = np.random.default_rng(0).integers(0, 256, (90, 150, 3), dtype=np.uint8)
    objects = models.detector.detect(image)
    masks = models.segmenter.open(image).boxes(objects)
    assert len(masks) == len(objects) > 1 and {m.mask.shape for m in masks} == {(90, 150)}


@_every_family
def test_a_folder_with_half_the_tensors(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    kept = {k: state[k] for k in sorted(state)[::2]}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    _refused(r"no whole \w+: [3-6]\d\.\d% of its tensors match \(first missing", _config(folder))


@_every_family
def test_a_file_that_was_cut(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    _refused("cannot be loaded as", _config(folder))


@_every_family
def test_another_models_weights(folder: Path, folders: Callable) -> None:
    other = "rf_detr" if folder.name != "rf_detr" else "sam2"
    shutil.copy(folders(other) / "model.safetensors", folder)
    _refused(r" \d\.\d% of its tensors match", _config(folder))


@_every_family
def test_weights_of_another_size(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    used = [k for k in state if not k.startswith("memory")]  # by images; video has a memory
    largest = max(used, key=lambda k: state[k].numel())
    state[largest] = torch.cat([state[largest], state[largest]])
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    _refused(r" 9\d\.\d% of its tensors match", _config(folder))


@_every_family
def test_no_processor(folder: Path) -> None:
    for file in folder.glob("*processor_config.json"):
        file.unlink()
    _refused("has no image processor", _config(folder))


@_every_family
def test_a_processor_of_no_use(folder: Path, folders: Callable) -> None:
    for file in folder.glob("*processor_config.json"):
        file.unlink()
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "NoSuch"}')
    _refused("has no image processor", _config(folder))


@pytest.mark.parametrize("folder", [f for f in _ALL if f not in _WORDS], indirect=True)
def test_another_models_processor(folder: Path) -> None:
    for file in folder.glob("*processor_config.json"):
        file.unlink()
    (folder / "preprocessor_config.json").write_text(
        '{"image_processor_type": "ViTImageProcessor"}'
    )
    _refused("a ViTImageProcessor", _config(folder))


@_every_family
def test_detectors_are_no_segmenters_and_segmenters_no_detectors(folder: Path) -> None:
    if folder.name in SEGMENTERS:
        _refused("no detector that can be used", _config(folder, "detr"))
    else:
        _refused("no promptable segmenter", _config(folder, "sam"))


@pytest.mark.parametrize("folder", _WORDS, indirect=True)
@pytest.mark.parametrize("left", [0, 7])
def test_a_tokenizer_that_is_missing_or_anothers(folder: Path, left: int) -> None:
    told = folder / "tokenizer.json"
    if left:
        saved = json.loads(told.read_text())
        vocabulary = saved["model"]["vocab"]
        saved["model"]["vocab"] = dict(list(vocabulary.items())[:left])
        told.write_text(json.dumps(saved))
    else:
        told.unlink()
    _refused("has (a tokenizer of|no processor of words)", _config(folder))


@pytest.mark.parametrize("folder", sorted({*_WORDS} - {"oneformer"}), indirect=True)
@pytest.mark.parametrize("text", [[], "cat dog", ["cat", 3], None])
def test_words_are_asked_for(folder: Path, text: Any) -> None:
    _refused("needs words to look for: masks.detector_options.text", _config(folder, text=text))


@pytest.mark.parametrize("folder", sorted({*_WORDS} - {"oneformer"}), indirect=True)
def test_words_that_do_not_fit(folder: Path) -> None:
    _refused(r"too long for \w+: \d+ tokens", _config(folder, text=["cat", "dog cup " * 40]))


def test_what_is_no_models_folder(folders: Callable, tmp_path: Path) -> None:
    _refused("no folder of a transformers model", _config(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["NoSuchModel"]}))
    _refused("does not know", _config(tmp_path, "sam"))
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}))
    _refused("BertModel is no detector", _config(tmp_path))


def test_weights_in_half_precision_are_computed_in_full(folders: Callable, tmp_path: Path) -> None:
    model, processor = SEGMENTERS["sam2"]()
    folder = hf_models.save((model.half(), processor), tmp_path)
    assert load_file(folder / "model.safetensors")["no_memory_embedding"].dtype == torch.float16
    loaded = load_pretrained(folder, "Sam2Model", "cpu")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
