"""A whole network by folder: one that `export-model` wrote, or the released SEAGULL-7B as it is.

The released folder's widths are read off its tensors; names, shapes and what is never used are
checked before anything is built. Its pickles are read as tensors alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from manifests.config import Config, NetworkConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from manifests.presets import PRESETS, load_values
from training.network.language_model import adapted, llm_dtype
from training.network.network import Network, build
from training.released import key_map

DESCRIBED, WEIGHTS, LLM = "seagull.json", "network.safetensors", "llm"
_PUBLISHED = "huggingface.co/Zevin2023/SEAGULL-7B"


@dataclass(frozen=True)
class OpenedModel:
    """A network, and the names of the file's tensors that nothing reads."""

    network: Network
    config: Config
    unused: tuple[str, ...] = ()


def is_model(folder: Path) -> bool:
    """Tell whether the folder holds a whole network."""
    return (folder / DESCRIBED).is_file() or _is_released(folder)


def open_model(folder: Path, asked: NetworkConfig | None = None, seed: int = 0) -> OpenedModel:
    """Load the network of `folder`.

    Args:
        folder: an exported network, or the released 7B's files as published.
        asked: LoRA and, for the released one, the encoder; None: to be asked, not trained.
        seed: of what the folder has not: auxiliary heads, LoRA.

    Raises:
        SeagullError: neither, or a tensor that is missing, foreign or of another shape.
    """
    if (folder / DESCRIBED).is_file():
        return _open_own(folder, asked, seed)
    if _is_released(folder):
        return _open_released(folder, asked or _asked_released(), seed)
    raise SeagullError(
        f"{folder} holds no network: neither {DESCRIBED} of `seagull export-model` nor the files "
        f"of {_PUBLISHED} (config.json, tokenizer.model, pytorch_model-*.bin)"
    )


def _asked_released() -> NetworkConfig:
    return replace(PRESETS["seagull-7b-released"].network, lora_rank=0)


def _lora(config: NetworkConfig, asked: NetworkConfig | None) -> NetworkConfig:
    if asked is None:
        return replace(config, lora_rank=0)
    same = ("lora_rank", "lora_alpha", "lora_dropout")
    return replace(config, **{name: getattr(asked, name) for name in same})


def _open_own(folder: Path, asked: NetworkConfig | None, seed: int) -> OpenedModel:
    described = json.loads((folder / DESCRIBED).read_text())
    config = load_values({"network": described["network"]}).network
    if config.llm != "compact":
        config = replace(config, llm=str(folder / LLM))
    network = build(
        replace(config, encoder_weights="", lora_rank=0), seed, described["distortions"]
    )
    _fill(network, _read(folder / WEIGHTS), folder / WEIGHTS)
    if described["frozen_encoder"]:
        network.encoder.freeze()
    network = _with_lora(network, _lora(network.config, asked))
    whole = load_values(described["config"])
    return OpenedModel(network, replace(whole, network=network.config))


def _with_lora(network: Network, config: NetworkConfig) -> Network:
    network.config, network.llm = config, adapted(network.llm, config)
    return network


def _fill(network: Network, state: Mapping[str, Tensor], path: Path) -> None:
    """Load all but the LLM of a folder of its own; a line says what does not fit."""
    own = network.state_dict()
    wanted = {k for k in own if network.config.llm == "compact" or not k.startswith("llm.")}
    _check(
        path, set(state), wanted, {k for k in wanted & set(state) if own[k].shape != state[k].shape}
    )
    network.load_state_dict(dict(state), strict=False)


def _check(path: Path, found: set[str], wanted: set[str], misshapen: set[str]) -> None:
    for what, names in (
        ("lacks", wanted - found),
        ("has foreign", found - wanted),
        ("has of another shape", misshapen),
    ):
        if names:
            first = ", ".join(sorted(names)[:3])
            raise SeagullError(f"{path} {what} {len(names)} tensors of the network: {first} ...")


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: dict[str, Tensor] = torch.load(
            path, map_location="cpu", weights_only=True, mmap=True
        )
        return state
    except (OSError, EOFError, RuntimeError, UnpicklingError, SafetensorError) as error:
        raise SeagullError(f"{path} cannot be read as tensors: {error}") from error


def _is_released(folder: Path) -> bool:
    try:
        described = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(described, dict) and described.get("model_type") == "seagull"


def _open_released(folder: Path, asked: NetworkConfig, seed: int) -> OpenedModel:
    files = sorted([*folder.glob("pytorch_model*.bin"), *folder.glob("*.safetensors")])
    if not files:
        raise SeagullError(f"{folder} has no weights (pytorch_model-*.bin); see {_PUBLISHED}")
    state = {name: tensor for file in files for name, tensor in _read(file).items()}
    strange = key_map.foreign(state)
    if strange:
        raise SeagullError(
            f"{folder} is not the released network: {len(strange)} of {len(state)} tensors are "
            f"foreign: {', '.join(strange[:3])} ..."
        )
    names = key_map.renamed(state)
    own = {ours: state[theirs] for theirs, ours in names.items()}
    config = _measured(asked, own, folder)
    torch.manual_seed(seed)
    network = Network(config, _tokenizer(folder), _language_model(folder, own, config), DISTORTIONS)
    rest = {k: v for k, v in own.items() if not k.startswith("llm.")}
    heads = {k: v for k, v in network.state_dict().items() if k.startswith("read_")}
    _fill(network, rest | heads, folder)
    network.encoder.freeze()
    unused = tuple(sorted(set(state) - set(names)))
    network = _with_lora(network, config)
    return OpenedModel(network, replace(PRESETS["seagull-7b-released"], network=config), unused)


def _measured(asked: NetworkConfig, own: Mapping[str, Tensor], folder: Path) -> NetworkConfig:
    """The configuration whose widths are the file's."""
    try:
        width, cells = own["released.keys.3.weight"].shape
        pixels = own["released.itself.query.weight"].shape[0]
    except KeyError as error:
        raise SeagullError(f"{folder} lacks the mask extractor: no {error.args[0]}") from error
    return replace(
        asked,
        view=32 * round(cells**0.5),
        patch=16 * round(pixels**0.5),
        width=width,
        encoder_weights="",
        llm=str(folder),
    )


def _tokenizer(folder: Path) -> Any:
    from transformers import LlamaTokenizer

    try:
        return LlamaTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        raise SeagullError(f"{folder} holds no Llama tokenizer (tokenizer.model)") from error


def _language_model(folder: Path, own: Mapping[str, Tensor], config: NetworkConfig) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    described = json.loads((folder / "config.json").read_text())
    known = {k: v for k, v in described.items() if k in LlamaConfig().to_dict()}
    shape = LlamaConfig(**{k: v for k, v in known.items() if k not in ("model_type", "dtype")})
    state = {k.removeprefix("llm."): v for k, v in own.items() if k.startswith("llm.")}
    with torch.device("meta"):
        wanted = LlamaForCausalLM(shape).state_dict()
    _check(
        folder,
        set(state),
        set(wanted),
        {k for k in set(wanted) & set(state) if wanted[k].shape != state[k].shape},
    )
    return LlamaForCausalLM.from_pretrained(
        None, config=shape, state_dict=state, dtype=llm_dtype(config), attn_implementation="sdpa"
    )
