"""Folders as published models have them, tiny: a Vicuna's, and the released SEAGULL-7B's."""

import json
from dataclasses import dataclass
from pathlib import Path

import timm
import torch

from training.data import texts

HIDDEN, LAYERS = 64, 2
ENCODER = "test_convnext"  # timm's: 24, 32, 48, 64 channels
VIEW, PATCH, WIDTH = 64, 64, 32


def write_tokenizer(folder: Path) -> int:
    """A SentencePiece model of the project's own texts, as Llama's is made; its size."""
    import sentencepiece

    corpus = folder / "corpus.txt"
    spoken = [*texts.every_text(), texts.OVERVIEW, texts.RELEASED_OVERVIEW, "USER: ASSISTANT:"]
    corpus.write_text("\n".join(line.strip() for line in spoken))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=400,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        character_coverage=1.0,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        minloglevel=2,
    )
    corpus.unlink()
    (folder / "tokenizer.vocab").unlink()
    said = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>"}
    said |= {"unk_token": "<unk>", "add_bos_token": True, "legacy": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    return 400


def llama(vocabulary: int):
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            max_position_embeddings=512,
            pad_token_id=None,
        )
    )


def write_vicuna(folder: Path) -> Path:
    """config.json, pytorch_model.bin in fp16, tokenizer.model: as lmsys published Vicuna."""
    folder.mkdir()
    model = llama(write_tokenizer(folder)).half()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    said = model.config.to_dict() | {"architectures": ["LlamaForCausalLM"], "dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(said, default=str))
    return folder


@dataclass(frozen=True)
class Sizes:
    """Widths of the released network; the defaults are a tiny one's."""

    channels: tuple[int, ...] = (24, 32, 48, 64)
    view: int = VIEW
    patch: int = PATCH
    width: int = WIDTH
    hidden: int = HIDDEN


FULL = Sizes((192, 384, 768, 1536), 512, 512, 1024, 4096)  # SEAGULL-7B's


def extractor_tensors(sizes: Sizes = Sizes()) -> dict[str, torch.Tensor]:
    """The mask extractor's tensors by their published names, at these widths."""
    width, hidden, one = sizes.width, sizes.hidden, (sizes.patch // 16) ** 2
    linear = {f"res{n}": (c, width) for n, c in enumerate(sizes.channels, 2)}
    linear |= {f"g_res{n}": ((sizes.view // 2**n) ** 2, width) for n in range(2, 6)}
    for part, inner in (("self_attn", width), ("cross_attn", width // 2)):
        at = f"cross_att_res.{part}"
        linear |= {f"{at}.{n}_proj": (width, inner) for n in "qkv"}
        linear[f"{at}.out_proj"] = (inner, width)
    linear |= {"cross_att_res.mlp.lin1": (width, 2 * width)}
    linear |= {"cross_att_res.mlp.lin2": (2 * width, width)}
    linear |= dict.fromkeys(("feat_linear", "cross_feat_linear"), (width, hidden))
    linear["final_mlp"] = (2 * hidden, hidden)
    linear |= {f"sa.{n}_proj": (one, one) for n in ("q", "k", "v", "out")}
    layers = (one, one // 2, one // 2, hidden)
    linear |= {f"mlp.layers.{n}": layers[n : n + 2] for n in range(3)}
    linear |= {f"mask_linear.layers.{n}": (8, 8) for n in range(3)}
    found = {f"{n}.weight": torch.randn(b, a) / a**0.5 for n, (a, b) in linear.items()}
    found |= {f"{n}.bias": torch.randn(b) / 10 for n, (_, b) in linear.items()}
    for norm in ("norm1", "norm2"):
        found[f"cross_att_res.{norm}.weight"] = torch.rand(width) + 0.5
        found[f"cross_att_res.{norm}.bias"] = torch.randn(width) / 10
    found |= {"global_vit.0.weight": torch.randn(5, 3, 1, 1), "global_vit.0.bias": torch.randn(5)}
    found |= {"global_vit.3.weight": torch.randn(1, 5, 1, 1), "global_vit.3.bias": torch.randn(1)}
    return {f"mask_extractor.{name}": tensor for name, tensor in found.items()}


def write_released(folder: Path) -> dict[str, torch.Tensor]:
    """The released layout: two pickles and their index, tokenizer, configuration; its tensors."""
    folder.mkdir()
    words = write_tokenizer(folder)
    (folder / "added_tokens.json").write_text(
        json.dumps({texts.GLOBAL: words, texts.LOCAL: words + 1})
    )
    model = llama(words + 2)
    state = dict(model.state_dict())
    for layer in range(LAYERS):  # as transformers 4.31 saved them
        name = f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"
        state[name] = torch.rand(HIDDEN // 8)
    tower = timm.create_model(ENCODER, num_classes=0).state_dict()
    at = "model.vision_tower.vision_tower.visual."
    state |= {f"{at}trunk.{k}": v for k, v in tower.items()}
    state[f"{at}head.proj.weight"] = torch.rand(8, 64)
    shapes = {0: (48, HIDDEN), 2: (HIDDEN, HIDDEN)}
    for n, (a, b) in shapes.items():
        state[f"model.mm_projector.{n}.weight"] = torch.randn(b, a) / a**0.5
        state[f"model.mm_projector.{n}.bias"] = torch.randn(b) / 10
    state |= extractor_tensors()
    said = model.config.to_dict() | {"architectures": ["OspreyLlamaForCausalLM"]}
    said |= {"model_type": "seagull", "mm_projector_type": "mlp2x_gelu", "dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(said, default=str))
    write_weights(folder, state)
    return state


def write_weights(folder: Path, state: dict[str, torch.Tensor]) -> None:
    names = sorted(state)
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    index = {}
    for n, part in enumerate(halves, 1):
        file = f"pytorch_model-{n:05d}-of-00002.bin"
        torch.save({k: state[k].half() for k in part}, folder / file)
        index |= dict.fromkeys(part, file)
    described = {"metadata": {}, "weight_map": index}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(described))
