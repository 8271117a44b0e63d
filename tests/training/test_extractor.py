import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from training.data.sample_arrays import STATISTICS
from training.network.extractor import (
    HEADS,
    CrossAttention,
    GlobalView,
    LocalView,
    SelfAttention,
    fine_residual,
    mask_pool,
)

CHANNELS, SIDES, WIDTH = (4, 8, 16, 32), (16, 8, 4, 2), 16

KEYS = torch.zeros(2, dtype=torch.int64)  # of two ROIs


def levels(images=2):
    torch.manual_seed(0)
    return [torch.randn(images, c, s, s) for c, s in zip(CHANNELS, SIDES, strict=True)]


def masks(rois=3):
    torch.manual_seed(1)
    return (torch.rand(2, rois, 64, 64) > 0.9).to(torch.uint8)


def test_mask_pool_is_the_mean_of_the_cells_touched():
    features = levels()[2]
    mask = torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    mask[:, 0, 0:40, 3:5] = 1  # cells of 16 pixels: rows 0..2 of column 0
    wanted = features[:, :, 0:3, 0].mean(2)
    torch.testing.assert_close(mask_pool(features, mask)[:, 0], wanted)


@pytest.mark.parametrize("side", SIDES)
def test_mask_pool_keeps_a_single_pixel(side):
    features = torch.randn(1, 5, side, side)
    mask = torch.zeros(1, 1, 64, 64)
    mask[0, 0, 63, 0] = 1
    torch.testing.assert_close(mask_pool(features, mask)[0, 0], features[0, :, -1, 0])


@pytest.mark.parametrize("key_tokens", ["spatial", "channel"])
@pytest.mark.parametrize("sa_over", ["levels", "rois"])
def test_global_view_of_every_choice(key_tokens, sa_over):
    view = GlobalView(CHANNELS, SIDES, WIDTH, key_tokens, sa_over)
    found = view(levels(), masks())
    assert found.shape == (2, 3, WIDTH)
    found.sum().backward()
    unused = [n for n, p in view.named_parameters() if p.grad is None]
    assert not unused


def test_rois_see_each_other_only_where_said():
    both, first = masks(2), masks(2)[:, :1]
    for sa_over, alone in (("levels", True), ("rois", False)):
        torch.manual_seed(2)
        view = GlobalView(CHANNELS, SIDES, WIDTH, "spatial", sa_over)
        same = torch.allclose(view(levels(), both)[:, :1], view(levels(), first), atol=1e-5)
        assert same == alone


def test_cross_attention_equals_pytorchs():
    torch.manual_seed(0)
    ours = CrossAttention(WIDTH)
    theirs = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([part.weight for part in parts]).detach()
    anything = torch.randn(WIDTH)  # a bias of the keys changes nothing
    theirs.in_proj_bias.data = torch.cat([ours.query.bias, anything, ours.value.bias]).detach()
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    queries, tokens = torch.randn(2, 3, WIDTH), torch.randn(2, 50, WIDTH)
    torch.testing.assert_close(ours(queries, tokens), theirs(queries, tokens, tokens)[0])


def patches(count=2):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8))


def test_local_view_does_not_see_cells_outside_the_mask():
    torch.manual_seed(0)
    view = LocalView(WIDTH).eval()
    inside = torch.zeros(2, 32, 32, dtype=torch.uint8)
    inside[:, :8, :8] = 1
    statistics = torch.rand(2, STATISTICS)
    seen = patches()
    other = seen.clone()
    other[:, 20:, 20:] = 0
    found = view(seen, inside, statistics, KEYS)
    assert found.shape == (2, WIDTH)
    torch.testing.assert_close(found, view(other, inside, statistics, KEYS))
    other[:, :8, :8] = 0
    assert not torch.allclose(found, view(other, inside, statistics, KEYS), atol=1e-3)


def test_local_view_of_an_empty_patch_is_finite():
    view = LocalView(WIDTH).eval()
    found = view(
        patches(), torch.zeros(2, 32, 32, dtype=torch.uint8), torch.rand(2, STATISTICS), KEYS
    )
    assert found.isfinite().all()


def test_fine_residual_is_immerkaers():
    rng = np.random.default_rng(0)
    pixels = rng.normal(size=(20, 24)).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
    wanted = convolve(pixels, kernel, mode="nearest")
    found = fine_residual(torch.from_numpy(pixels)[None, None].expand(1, 3, -1, -1))
    np.testing.assert_allclose(found[0, 1].numpy(), wanted, atol=1e-5)
    # White noise keeps its deviation, a plane vanishes.
    assert found.std() == pytest.approx(1, rel=0.1)
    plane = torch.linspace(0, 1, 24).expand(1, 1, 20, 24)
    assert fine_residual(plane)[..., 1:-1].abs().max() < 1e-6


def test_self_attention_ignores_absent_tokens():
    torch.manual_seed(0)
    attention = SelfAttention(WIDTH)
    tokens = torch.randn(1, 4, WIDTH)
    absent = torch.tensor([[False, False, True, False]])
    changed = tokens.clone()
    changed[:, 2] = 9
    kept = ~absent[0]
    torch.testing.assert_close(
        attention(tokens, absent)[:, kept], attention(changed, absent)[:, kept]
    )
