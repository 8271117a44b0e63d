"""The released network against another writing of it, with the same random weights."""

import dataclasses

import numpy as np
import pytest
import sentencepiece
import timm
import torch
import torch.nn.functional as F
from llama_folders import ENCODER, FULL, PATCH, VIEW, Sizes, extractor_tensors, write_released
from published_network import by_hand, normalised

from manifests.presets import PRESETS
from training.data import texts
from training.data.batches import Pixels
from training.network.released_extractor import ReleasedExtractor
from training.released import key_map
from training.released.model_folder import open_model

STRIDES = (4, 8, 16, 32)


def seen(sizes, rois):
    """Features of one image, masks of large and small ROIs and one that vanishes, crops."""
    view, patch = sizes.view, sizes.patch
    levels = [
        torch.randn(c, view // s, view // s) for c, s in zip(sizes.channels, STRIDES, strict=True)
    ]
    masks = torch.zeros(rois, view, view, dtype=torch.bool)
    for n in range(rois - 1):
        side = view // 2**n
        masks[n, n : n + side, view - side :] = True
    masks[0] &= torch.rand(view, view) > 0.97
    masks[-1, 0, 0] = True
    return levels, masks, torch.randint(0, 256, (rois, patch, patch, 3), dtype=torch.uint8)


@pytest.mark.parametrize("sizes", [Sizes(), FULL], ids=["small", "SEAGULL-7B"])
def test_the_extractor_is_what_is_published(sizes):
    torch.manual_seed(3)
    state = extractor_tensors(sizes)
    sides = [sizes.view // s for s in STRIDES]
    extractor = ReleasedExtractor(sizes.channels, sides, sizes.patch, sizes.hidden, sizes.width)
    names = key_map.renamed(state)
    own = {ours.removeprefix("released."): state[name] for name, ours in names.items()}
    extractor.load_state_dict(own)
    levels, masks, crops = seen(sizes, 4)
    with torch.no_grad():
        exact = {name: tensor.double() for name, tensor in state.items()}
        whole, detail = by_hand(exact, [level.double() for level in levels], masks, crops)
        found = extractor.global_token([f[None] for f in levels], masks[None].to(torch.uint8))[0]
        local = extractor.local_token(crops)
    torch.testing.assert_close(found.double(), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(local.double(), detail, atol=1e-5, rtol=1e-5)


def test_the_full_shapes_are_the_presets():
    config = PRESETS["seagull-7b-released"].network
    assert (config.view, config.patch, config.width) == (FULL.view, FULL.patch, FULL.width)
    with torch.device("meta"):
        tower = timm.create_model(config.encoder, features_only=True)
    assert tuple(tower.feature_info.channels()) == FULL.channels


def published_logits(folder, state, view, masks, crops, question):
    """Logits (L, vocabulary) about the first ROI: timm's tower, transformers' Llama, by hand."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tower = timm.create_model(ENCODER, num_classes=0)
    trunk = "model.vision_tower.vision_tower.visual.trunk."
    tower.load_state_dict({k.removeprefix(trunk): v for k, v in state.items() if trunk in k})
    pixels = normalised(view, torch.float32).permute(2, 0, 1)[None]
    levels = tower.eval().forward_intermediates(pixels, intermediates_only=True)
    whole, detail = by_hand(state, [level[0] for level in levels], masks, crops)

    at = "model.mm_projector"
    image = levels[2][0].flatten(1).T  # the third stage, a token a cell
    image = F.gelu(image @ state[f"{at}.0.weight"].T + state[f"{at}.0.bias"])
    image = image @ state[f"{at}.2.weight"].T + state[f"{at}.2.bias"]

    config = LlamaConfig.from_pretrained(folder)
    llm = LlamaForCausalLM(config).eval()
    own = {k: v for k, v in state.items() if k.split(".")[1] in ("embed_tokens", "layers", "norm")}
    own |= {"lm_head.weight": state["lm_head.weight"]}
    llm.load_state_dict({k: v for k, v in own.items() if "inv_freq" not in k})

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    system = (
        "A chat between a curious human and an artificial intelligence assistant. The assistant "
        "gives helpful, detailed, and polite answers to the human's questions. USER: "
    )
    overview = (
        "\nThis provides an overview of the image.\n Please answer the following questions about "
        "the provided region. Note: Distortions include: blur, colorfulness, compression, contrast "
        "exposure and noise.\n Here is the region "
    )

    def embedded(ids):
        return state["model.embed_tokens.weight"][torch.tensor(ids)]

    parts = [
        embedded([1, *pieces.encode(system)]),
        image,
        embedded(pieces.encode(overview)),
        whole[:1],
        detail[:1],
        embedded([pieces.piece_to_id("."), *pieces.encode(f"{question} ASSISTANT:")]),
    ]
    return llm(inputs_embeds=torch.cat(parts)[None]).logits[0]


@torch.no_grad()
def test_the_whole_network_is_what_is_published(tmp_path):
    folder = tmp_path / "SEAGULL-7B"
    torch.manual_seed(0)
    state = {k: v.half().float() for k, v in write_released(folder).items()}
    asked = dataclasses.replace(
        PRESETS["seagull-7b-released"].network,
        encoder=ENCODER,
        lora_rank=0,
        llm_precision="fp32",
    )
    network = open_model(folder, asked).network.eval()
    rng = np.random.default_rng(0)
    view = torch.from_numpy(rng.integers(0, 256, (VIEW, VIEW, 3), np.uint8))
    _, masks, crops = seen(Sizes(), 3)
    assert crops.shape[1] == PATCH
    wanted = published_logits(folder, state, view, masks, crops, texts.QUALITY_QUESTION)
    pixels = Pixels(
        views=view[None],
        masks=masks[None].to(torch.uint8),
        patches=crops[None],
        inside=torch.ones(1, *crops.shape[:3], dtype=torch.uint8),
        statistics=torch.zeros(1, 3, 1),
        keys=torch.zeros(1, 3, dtype=torch.int64),
    )
    visual, _ = network.look(pixels)
    ids = torch.tensor([network.sequencer.prompt(texts.QUALITY_QUESTION)])
    found = network.token_logits(ids, torch.ones_like(ids), visual.of(torch.tensor([0])))[0]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
