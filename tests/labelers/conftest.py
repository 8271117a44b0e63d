"""Threads as in production, and models small enough for tests."""

from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import pytest
import torch

cv2.setNumThreads(1)
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_sam() -> Callable[..., Any]:
    """Builds a Sam with a 128 px view, one block and 32 channels, always the same weights."""
    return _tiny_sam


def _tiny_sam(checkpoint: str | None = None) -> Any:
    from segment_anything.modeling import (
        ImageEncoderViT,
        MaskDecoder,
        PromptEncoder,
        Sam,
        TwoWayTransformer,
    )

    torch.manual_seed(0)
    encoder = ImageEncoderViT(
        img_size=128,
        embed_dim=32,
        depth=1,
        num_heads=2,
        out_chans=32,
        global_attn_indexes=(0,),
        use_rel_pos=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
    )
    prompts = PromptEncoder(
        embed_dim=32, image_embedding_size=(8, 8), input_image_size=(128, 128), mask_in_chans=4
    )
    transformer = TwoWayTransformer(depth=2, embedding_dim=32, mlp_dim=32, num_heads=2)
    decoder = MaskDecoder(transformer_dim=32, transformer=transformer, iou_head_hidden_dim=16)
    return Sam(encoder, prompts, decoder).eval()
