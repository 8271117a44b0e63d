"""Damaged RAW files, the short form of what `make torture` does with a thousand."""

import pytest
from dngs import lossy_dng

from manifests.chance import generator
from pipeline.torture.torture_raw import KINDS, _raws, counts_by_kind, damage, rows, torture


def test_nothing_cut_or_enlarged_is_rendered_otherwise_and_nothing_crashes():
    for row in rows(short=True):
        assert row["held"] == row["trials"] > 0, row


def test_damage_is_noticed_where_it_can_be(tmp_path):
    counts = counts_by_kind(list(torture(_raws(tmp_path), 75, seed=1)))
    assert counts["cut"] == {"refused: unreadable": 15}
    assert counts["appended"] == {"identical": 15}
    assert counts["enlarged"]["changed"] == 0
    assert counts["flipped"]["changed"] > 0  # pixels have no checksum: it can only be counted


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_drawn_from_its_seed_and_is_damage(tmp_path, kind):
    raw = lossy_dng(tmp_path / "a.dng")

    def made(seed):
        return damage(raw, kind, generator(kind, seed))

    assert made(1) == made(1) != made(2)
    assert made(1) != raw.read_bytes()
