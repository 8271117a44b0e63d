"""Damaged RAW files, the short form of what `make torture` does with a thousand."""

import cv2
import pytest
from dngs import lossy_dng

from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.chance import generator
from pipeline.tools.torture_raw import KINDS, damage, rows


@pytest.fixture(scope="module")
def raws(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raws")
    small = cv2.resize(bundled()["rocket"](), (96, 64), interpolation=cv2.INTER_AREA)
    write_dng(small, folder / "bayer.dng", "rocket")
    return [folder / "bayer.dng", lossy_dng(folder / "lossy.dng", 32)]


def test_nothing_cut_or_enlarged_is_rendered_otherwise_and_nothing_crashes(raws):
    found = {row["damage"]: row for row in rows(raws, 150)}
    assert sum(row["files"] for row in found.values()) == 150
    assert [row["silent"] for row in found.values()] == [0] * len(KINDS)
    assert [row["faults"] for row in found.values()] == [0] * len(KINDS)
    assert found["cut"]["refused: unreadable"] > 20
    assert found["appended"]["identical"] == 30
    assert found["flipped"]["changed"] > 0  # pixels have no checksum: it can only be counted


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_drawn_from_its_seed_and_is_damage(raws, kind):
    def made(seed):
        return damage(raws[0], kind, generator(kind, seed))

    assert made(1) == made(1) != made(2)
    assert made(1) != raws[0].read_bytes()
