"""A trained network as a folder that needs nothing else: LoRA merged, safetensors, a model card.

`ours` opens with `open_network`; `released` has the names of the released SEAGULL-7B, for those who
run its authors' code. Tensors that the authors' code declares and never reads are not written, and
the model card names them.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from manifests.config import Config, to_dict
from manifests.errors import SeagullError
from manifests.files import write_atomic
from training.data.texts import GLOBAL, LOCAL
from training.network.language_model import base_of
from training.network.network import Network
from training.released import key_map
from training.released.model_folder import DESCRIBED, LLM, WEIGHTS

SHARD = "5GB"


def export(
    network: Network, config: Config, numbers: Mapping[str, Any], folder: Path, names: str
) -> None:
    """Write `network` to `folder` in `names` (`ours` or `released`).

    Raises:
        SeagullError: the folder is not empty, or the network is not of the released variant.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SeagullError(f"{folder} is not empty; export into a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    network.llm = _merged(network.llm)
    if names == "released":
        _write_released(network, folder)
    else:
        _write_own(network, config, folder)
    write_atomic(folder / "README.md", card(network, config, numbers, names))


def _merged(llm: Any) -> Any:
    return llm.merge_and_unload() if hasattr(llm, "merge_and_unload") else llm


def _write_own(network: Network, config: Config, folder: Path) -> None:
    from safetensors.torch import save

    compact = config.network.llm == "compact"
    state = {
        name: tensor.contiguous()
        for name, tensor in network.state_dict().items()
        if compact or not name.startswith("llm.")
    }
    write_atomic(folder / WEIGHTS, save(state))
    network.sequencer.tokenizer.save_pretrained(folder / LLM)
    if not compact:
        network.llm.save_pretrained(folder / LLM, max_shard_size=SHARD)
    name = Path(network.config.llm).name  # no path of this machine leaves it
    bare = replace(network.config, encoder_weights="", model="", lora_rank=0, llm=name)
    described = {
        "network": to_dict(bare),
        "distortions": list(network.distortions),
        "frozen_encoder": network.encoder.frozen,
        "config": to_dict(replace(config, network=bare)),
    }
    write_atomic(folder / DESCRIBED, json.dumps(described, indent=1) + "\n")


def _write_released(network: Network, folder: Path) -> None:
    from huggingface_hub import save_torch_state_dict

    if network.config.extractor != "released":
        raise SeagullError("names=released needs network.extractor=released (seagull-7b-released)")
    named = {key_map.theirs(k): v for k, v in network.state_dict().items()}
    state: dict[str, Tensor] = {k: v.contiguous() for k, v in named.items() if k is not None}
    save_torch_state_dict(state, folder, max_shard_size=SHARD)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)  # its writer's temporary files are the user's alone
    tokenizer = network.sequencer.tokenizer
    tokenizer.save_pretrained(folder)
    _write_sentencepiece(tokenizer, Path(network.config.llm), folder)
    llm = base_of(network.llm).config.to_dict()
    settings = {
        **llm,
        "architectures": ["OspreyLlamaForCausalLM"],
        "model_type": "seagull",
        "mm_projector_type": network.config.projector,
        "mm_hidden_size": network.encoder.channels[network.scale],
        "image_aspect_ratio": "pad",
    }
    write_atomic(folder / "config.json", json.dumps(settings, indent=1, default=str) + "\n")


def _write_sentencepiece(tokenizer: Any, source: Path, folder: Path) -> None:
    """The tokenizer as transformers 4.31 reads it, where the network came with one."""
    model = source / "tokenizer.model"
    if model.is_file():
        shutil.copyfile(model, folder / model.name)
        added = {text: tokenizer.convert_tokens_to_ids(text) for text in (GLOBAL, LOCAL)}
        write_atomic(folder / "added_tokens.json", json.dumps(added) + "\n")


def card(network: Network, config: Config, numbers: Mapping[str, Any], names: str = "ours") -> str:
    """Describe the network as the Hub's model cards do."""
    metrics = [f"| {k} | {v:.4f} |" for k, v in numbers.items() if isinstance(v, float)]
    raters = numbers.get("raters", "none")
    count = f"{sum(p.numel() for p in network.parameters()):,} parameters"
    measured = f"Raters of the test labels: {raters}." if metrics else "Not evaluated."
    return "\n".join(
        [
            "---",
            "library_name: seagull-factory",
            "pipeline_tag: image-text-to-text",
            "tags: [image-quality-assessment, region-of-interest, seagull]",
            "---",
            "",
            f"# SEAGULL network, configuration `{config.name}`",
            "",
            "Quality, importance and distortions of a region of a photograph, as SEAGULL has it.",
            f"Encoder `{network.config.encoder}`, language model",
            f"`{Path(config.network.llm).name}`,",
            f"extractor `{network.config.extractor}`; {count}.",
            "",
            "```python",
            "from training import open_network",
            "",
            'answer = open_network("this/folder").ask(image, mask)',
            "```",
            "",
            f"Fingerprint of the configuration: `{config.fingerprint}`. {measured}",
            "",
            *(["| metric | value |", "|---|---|", *metrics] if metrics else []),
            "",
            *(_unwritten() if names == "released" else []),
            "The licences of the language model, the encoder and the data it learned bind it too.",
            "",
        ]
    )


def _unwritten() -> list[str]:
    """What `from_pretrained` of the authors' code will call newly initialized."""
    named = ", ".join(f"`{name}`" for name in key_map.UNWRITTEN)
    return [f"Not here, since the released code declares but never reads them: {named}.", ""]
