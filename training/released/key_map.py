"""The names of the released SEAGULL-7B's tensors, and ours for them.

    model.embed_tokens|layers.N|norm, lm_head            the language model, as transformers has it
    model.vision_tower.vision_tower.visual.trunk.*       open_clip's ConvNeXt
    model.mm_projector.{0,2}                             image tokens -> LLM
    mask_extractor.*                                     the mask-based feature extractor

What the released code never reads is known by `UNUSED`; any other name is foreign.
"""

import re
from collections.abc import Iterable, Mapping

from training.network.encoder import feature_key

TRUNK = "model.vision_tower.vision_tower.visual.trunk."
UNUSED = re.compile(
    r"mask_extractor\.mask_linear\."
    r"|model\.vision_tower\.vision_tower\.visual\.(trunk\.(head|norm_pre)\.|head\.)"
    r"|model\.vision_tower\.vision_tower\.(?!visual\.)"  # CLIP's text tower
    r"|.*\.rotary_emb\.inv_freq$"
)
UNWRITTEN = (  # by exports: what the released code declares, and UNUSED of it
    "mask_extractor.mask_linear.*",
    "model.vision_tower.vision_tower.visual.head.*",
    "the text tower of open_clip's file",
)
_ATTENTION = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "out_proj"}
_MODULES = {  # ours -> theirs
    **{f"project_image.{n}": f"model.mm_projector.{n}" for n in (0, 2)},
    **{f"released.basic.{n}": f"mask_extractor.res{n + 2}" for n in range(4)},
    **{f"released.keys.{n}": f"mask_extractor.g_res{n + 2}" for n in range(4)},
    **{
        f"released.block.{ours}.{part}": f"mask_extractor.cross_att_res.{theirs}.{name}"
        for ours, theirs in (("itself", "self_attn"), ("across", "cross_attn"))
        for part, name in _ATTENTION.items()
    },
    "released.block.norm_itself": "mask_extractor.cross_att_res.norm1",
    "released.block.norm_across": "mask_extractor.cross_att_res.norm2",
    "released.block.mlp.0": "mask_extractor.cross_att_res.mlp.lin1",
    "released.block.mlp.2": "mask_extractor.cross_att_res.mlp.lin2",
    "released.fuse_basic": "mask_extractor.feat_linear",
    "released.fuse_context": "mask_extractor.cross_feat_linear",
    "released.fuse": "mask_extractor.final_mlp",
    **{f"released.shrink.{n}": f"mask_extractor.global_vit.{n}" for n in (0, 3)},
    **{f"released.itself.{part}": f"mask_extractor.sa.{n}" for part, n in _ATTENTION.items()},
    **{f"released.local.{2 * n}": f"mask_extractor.mlp.layers.{n}" for n in range(3)},
}
_OURS = {theirs: ours for ours, theirs in _MODULES.items()}
_LLM = re.compile(r"(model\.(embed_tokens|layers|norm)\.|lm_head\.)")


def ours(name: str) -> str | None:
    """Our name of a released tensor; None when the released code never reads it.

    Raises:
        KeyError: no tensor of the released model has this name.
    """
    if UNUSED.match(name):
        return None
    if _LLM.match(name):
        return f"llm.{name}"
    if name.startswith(TRUNK):
        return f"encoder.body.{feature_key(name.removeprefix(TRUNK))}"
    module, _, parameter = name.rpartition(".")
    return f"{_OURS[module]}.{parameter}"


def theirs(name: str) -> str | None:
    """The released name of one of our tensors; None for what it has not (auxiliary heads)."""
    if name.startswith("llm."):
        return name.removeprefix("llm.")
    if name.startswith("encoder.body."):
        flat = name.removeprefix("encoder.body.")
        return TRUNK + re.sub(r"^(stem|stages)_", r"\1.", flat)
    module, _, parameter = name.rpartition(".")
    return f"{_MODULES[module]}.{parameter}" if module in _MODULES else None


def foreign(names: Iterable[str]) -> list[str]:
    """Those names that no tensor of the released model has, in order."""
    present = []
    for name in names:
        try:
            ours(name)
        except KeyError:
            present.append(name)
    return present


def renamed(names: Iterable[str]) -> Mapping[str, str]:
    """Released name -> ours, for all that are read."""
    return {name: own for name in names if (own := ours(name)) is not None}
