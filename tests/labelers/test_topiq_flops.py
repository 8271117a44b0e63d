"""Counted operations against their closed form."""

import torch

from labelers.checks.topiq_flops import gflop
from labelers.loading.onednn import PackedAttention, PackedLinear


def test_a_convolution_by_onednn_is_counted_as_its_closed_form_says():
    x, weight = torch.zeros(2, 8, 20, 30), torch.zeros(16, 8, 3, 3)
    counted = gflop(lambda: torch.mkldnn_convolution(x, weight, None, [1, 1], [1, 1], [1, 1], 1))
    assert counted == 2 * 2 * 16 * 20 * 30 * 8 * 9 / 1e9


def test_attention_is_counted_as_its_two_products():
    q, k = torch.zeros(1, 4, 50, 16), torch.zeros(1, 4, 70, 16)
    with torch.inference_mode():
        counted = gflop(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, k))
    assert counted == 2 * 2 * 4 * 50 * 70 * 16 / 1e9


def test_a_packed_layer_computes_and_counts_as_torchs():
    torch.manual_seed(0)
    linear, x = torch.nn.Linear(48, 96), torch.randn(5, 7, 48)
    layer = PackedLinear(linear)
    with torch.inference_mode():
        assert gflop(lambda: layer(x)) == gflop(lambda: linear(x)) == 2 * 5 * 7 * 48 * 96 / 1e9
        torch.testing.assert_close(layer(x), linear(x))


def test_packed_attention_is_torchs():
    torch.manual_seed(0)
    attention = torch.nn.MultiheadAttention(64, 4).eval()
    torch.nn.init.normal_(attention.in_proj_bias)
    torch.nn.init.normal_(attention.out_proj.bias)
    query, memory = torch.randn(9, 3, 64), torch.randn(17, 3, 64)
    with torch.inference_mode():
        expected = attention(query, memory, memory, need_weights=False)[0]
        torch.testing.assert_close(PackedAttention(attention)(query, memory, memory)[0], expected)
