"""Counted operations against their closed form."""

import torch

from labelers.checks.topiq_flops import gflop


def test_a_convolution_by_onednn_is_counted_as_its_closed_form_says():
    x, weight = torch.zeros(2, 8, 20, 30), torch.zeros(16, 8, 3, 3)
    counted = gflop(lambda: torch.mkldnn_convolution(x, weight, None, [1, 1], [1, 1], [1, 1], 1))
    assert counted == 2 * 2 * 16 * 20 * 30 * 8 * 9 / 1e9


def test_attention_is_counted_as_its_two_products():
    q, k = torch.zeros(1, 4, 50, 16), torch.zeros(1, 4, 70, 16)
    with torch.inference_mode():
        counted = gflop(lambda: torch.nn.functional.scaled_dot_product_attention(q, k, k))
    assert counted == 2 * 2 * 4 * 50 * 70 * 16 / 1e9
