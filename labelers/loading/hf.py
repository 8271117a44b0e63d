"""Models of the transformers library from a local folder: how they are opened and checked.

Nothing is fetched: the folder holds config.json, the weights and the processor's files, as
save_pretrained writes them. A model whose parameters are not all in the folder is refused, because
transformers would fill the rest with random numbers; so is a tokenizer that does not fit the model.
Weights are computed with in float32, whatever they are stored in.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labelers.loading import weights
from manifests.errors import SeagullError

# OneFormer's processor would fetch the names of its classes, which only training needs.
_LOCAL = {"local_files_only": True, "class_info_file": None}


def architecture(folder: Path) -> str:
    """Name the class that the folder's config.json names, e.g. SamModel.

    Raises:
        SeagullError: no config.json, or it names none.
    """
    import json

    try:
        return str(json.loads((folder / "config.json").read_text())["architectures"][0])
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SeagullError(
            f"{folder} is no folder of a transformers model (config.json naming an architecture); "
            "save one there with save_pretrained"
        ) from error


def identity(folder: Path) -> str:
    """Name the model in `folder`, with the sha256 of its files; raises as `architecture`."""
    return f"hf:{architecture(folder)}@{weights.short(folder)}"


def load_pretrained(folder: Path, name: str, device: str) -> Any:
    """Load the model in `folder` as the transformers class `name`, every parameter, float32.

    Raises:
        SeagullError: unknown class, unreadable weights, or parameters that are not in the folder.
    """
    weights.offline()
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # what matters is said below, in one line
    kind = getattr(transformers, name, None)
    if kind is None:
        raise SeagullError(f"{folder} holds a {name}, which transformers does not know")
    try:
        model, loading = kind.from_pretrained(
            folder,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )
    except Exception as error:  # safetensors, pickle and json errors have no common class
        raise SeagullError(f"{folder} cannot be loaded as {name}: {_line(error)}") from error
    _require_whole(model, loading, folder)
    return _aligned(model).to(device).eval()


def _require_whole(model: Any, loading: Mapping[str, Any], folder: Path) -> None:
    absent = [*loading["missing_keys"], *(k for k, *_ in loading["mismatched_keys"])]
    if absent:
        total = len(model.state_dict())
        raise SeagullError(
            f"{folder} is no whole {type(model).__name__}: {(total - len(absent)) / total:.1%} of "
            f"its tensors match (first missing: {sorted(absent)[0]})"
        )


def _aligned(model: Any) -> Any:
    """Weights in memory of torch's own: MKL's sums depend on where a vector starts.

    safetensors hands over views into the file, wherever they happen to lie.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()
    return model


def load_image_processor(folder: Path) -> Any:
    """Load the image processor in `folder`, with PIL's resampling, as the models' authors did.

    Families that transformers has with torchvision's resampling alone (SAM2 and later, RF-DETR)
    use that.

    Raises:
        SeagullError: there is none.
    """
    weights.offline()
    from transformers import AutoImageProcessor

    try:
        return AutoImageProcessor.from_pretrained(folder, backend="pil", **_LOCAL)
    except Exception as error:  # a missing or foreign preprocessor_config.json, in many classes
        raise SeagullError(f"{folder} has no image processor: {_line(error)}") from error


def load_word_processor(folder: Path, vocabulary: int, name: str = "AutoProcessor") -> Any:
    """Load the processor of images and words in `folder`, for a model of `vocabulary` tokens.

    `name` is its class in transformers, where config.json would lead to another.

    Raises:
        SeagullError: there is none, or its tokenizer is another model's. transformers makes an
            almost empty one, and no error, where the tokenizer's files are missing.
    """
    images = load_image_processor(folder)
    import transformers

    try:
        processor = getattr(transformers, name).from_pretrained(folder, **_LOCAL)
        tokens = len(processor.tokenizer)
    except Exception as error:  # as above, and AttributeError where there is no tokenizer
        raise SeagullError(f"{folder} has no processor of words: {_line(error)}") from error
    if not 0.9 * vocabulary <= tokens <= vocabulary:
        raise SeagullError(
            f"{folder} has a tokenizer of {tokens} tokens for a model of {vocabulary}; "
            "save the model's own tokenizer there"
        )
    processor.image_processor = images
    return processor


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
