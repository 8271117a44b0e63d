"""Models of the transformers library from a local folder: how they are opened and checked.

Nothing is fetched: the folder holds config.json, the weights and the processor's files. A model
whose parameters are not all in the folder is refused, because transformers would fill the rest
with random numbers.
"""

from pathlib import Path
from typing import Any

from labelers import weights
from manifests.errors import SeagullError


def architecture(folder: Path) -> str:
    """The class that the folder's config.json names, e.g. SamModel.

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


def load_pretrained(folder: Path, device: str) -> Any:
    """The model in `folder`, by the class its configuration names, every parameter loaded.

    Raises:
        SeagullError: unknown class, unreadable weights, or parameters that are not in the folder.
    """
    weights.offline()
    import transformers

    transformers.utils.logging.disable_progress_bar()
    name = architecture(folder)
    kind = getattr(transformers, name, None)
    if kind is None:
        raise SeagullError(f"{folder} holds a {name}, which transformers does not know")
    try:
        model, loading = kind.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, ignore_mismatched_sizes=True
        )
    except Exception as error:  # safetensors, pickle and json errors have no common class
        reason = " ".join(str(error).split())[:160]
        raise SeagullError(f"{folder} cannot be loaded as {name}: {reason}") from error
    absent = [*loading["missing_keys"], *(k for k, *_ in loading["mismatched_keys"])]
    if absent:
        total = len(model.state_dict())
        raise SeagullError(
            f"{folder} is no whole {name}: {(total - len(absent)) / total:.1%} of its tensors "
            f"match (first missing: {sorted(absent)[0]})"
        )
    return model.to(device).eval()


def load_processor(folder: Path) -> Any:
    """The processor in `folder`; PIL's resampling, as the models' authors used.

    Raises:
        SeagullError: there is none.
    """
    weights.offline()
    from transformers import AutoImageProcessor, AutoProcessor

    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        if hasattr(processor, "image_processor"):
            processor.image_processor = AutoImageProcessor.from_pretrained(
                folder, local_files_only=True, backend="pil"
            )
        return processor
    except Exception as error:  # a missing or foreign preprocessor_config.json, in many classes
        reason = " ".join(str(error).split())[:160]
        raise SeagullError(f"{folder} has no processor that can be loaded: {reason}") from error
