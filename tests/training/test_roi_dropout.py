"""Dropout by a ROI's key: the generator's published numbers, the share, no sight of the batch."""

import torch

from training.network.roi_dropout import RoiDropout, uniform

# The first outputs of SplitMix64 for the seed 1234567, as its implementations are checked by.
PUBLISHED = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)


def test_the_numbers_are_splitmix64s():
    found = uniform(torch.tensor([1234567]), 0, len(PUBLISHED))
    wanted = torch.tensor([[(n >> 40) / 2**24 for n in PUBLISHED]])
    assert torch.equal(found, wanted.float())


def test_a_share_is_dropped_and_the_rest_makes_up_for_it():
    keys = torch.randint(2**62, (200,), generator=torch.Generator().manual_seed(0))
    dropped = RoiDropout(0.4, 1)(torch.ones(200, 500), keys)
    assert abs(float((dropped == 0).double().mean()) - 0.4) < 0.01  # 100,000 numbers
    torch.testing.assert_close(dropped.max(), torch.tensor(1 / 0.6))
    other = RoiDropout(0.4, 2)(torch.ones(200, 500), keys)
    both = float(((dropped == 0) & (other == 0)).double().mean())
    assert abs(both - 0.16) < 0.01  # another place draws otherwise


def test_it_is_the_same_in_another_batch_and_nothing_once_learned():
    layer = RoiDropout(0.5, 0)
    numbers, keys = torch.rand(6, 40), torch.arange(6)
    assert torch.equal(layer(numbers, keys)[3:], layer(numbers[3:], keys[3:]))
    assert layer.eval()(numbers, keys) is numbers
