"""The released network written again from its published description: nothing of ours in it."""

import torch
import torch.nn.functional as F


def normalised(pixels, dtype):
    """Bytes (..., 3) as CLIP takes them."""
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=dtype)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=dtype)
    return (pixels.to(dtype) / 255 - mean) / std


def by_hand(state, levels, masks, crop):
    """Global and local token (K, h) of one image's ROIs, in the precision of `state`.

    `state` by published names; `levels` (C_j, H_j, W_j); masks (K, V, V); crop (K, S, S, 3) bytes.
    """

    def linear(name, x):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def attention(name, q, k):
        heads = [
            torch.stack(linear(f"{name}.{part}_proj", x).chunk(8, -1))
            for part, x in (("q", q), ("k", k), ("v", k))
        ]
        weights = heads[0] @ heads[1].transpose(1, 2) / heads[0].shape[-1] ** 0.5
        mixed = torch.cat(
            list(torch.exp(weights - weights.logsumexp(-1, keepdim=True)) @ heads[2]), -1
        )
        return linear(f"{name}.out_proj", mixed)

    def norm(name, x):
        centred = x - x.mean(-1, keepdim=True)
        x = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return x * state[f"{name}.weight"] + state[f"{name}.bias"]

    at = "mask_extractor"
    block = f"{at}.cross_att_res"
    basics, contexts = [], []
    for n, features in enumerate(levels, 2):
        whole = masks[None].to(features.dtype)
        grid = F.interpolate(whole, features.shape[-2:], mode="bilinear")[0] > 0
        pooled = torch.stack(
            [features[:, g].mean(1) if g.any() else features[:, 0, 0] * 0 for g in grid]
        )
        x = linear(f"{at}.res{n}", pooled)
        basics.append(x)
        keys = linear(f"{at}.g_res{n}", features.flatten(1))
        x = norm(f"{block}.norm1", x + attention(f"{block}.self_attn", x, x))
        x = norm(f"{block}.norm2", x + attention(f"{block}.cross_attn", x, keys))
        x = x + linear(f"{block}.mlp.lin2", linear(f"{block}.mlp.lin1", x).clamp_min(0))
        contexts.append(x)
    pair = [
        linear(f"{at}.cross_feat_linear", sum(contexts)),
        linear(f"{at}.feat_linear", sum(basics)),
    ]
    whole = linear(f"{at}.final_mlp", torch.cat(pair, -1))

    x = normalised(crop, basics[0].dtype)
    for conv in ("global_vit.0", "global_vit.3"):
        weight, bias = state[f"{at}.{conv}.weight"][:, :, 0, 0], state[f"{at}.{conv}.bias"]
        x = F.gelu(x @ weight.T + bias)
        side = x.shape[1] // 4
        x = x.reshape(len(x), side, 4, side, 4, -1).mean((2, 4))
    one = x.flatten(1)
    one = linear(f"{at}.sa.out_proj", linear(f"{at}.sa.v_proj", one))  # one token attends itself
    for n in range(3):
        one = linear(f"{at}.mlp.layers.{n}", one)
        one = one.clamp_min(0) if n < 2 else one
    return whole, one
