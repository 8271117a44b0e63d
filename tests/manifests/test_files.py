import hashlib

import numpy as np
import pytest

from manifests.chance import generator, unit_interval
from manifests.done import Done, fingerprint, read_done
from manifests.errors import SceneError
from manifests.files import atomic_file, sha256_of_file, write_atomic
from manifests.workspace import Workspace


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "deep" / "file"
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write(b"half")
        raise RuntimeError("pulled the plug")
    assert list(path.parent.iterdir()) == []
    write_atomic(path, b"first")
    with pytest.raises(RuntimeError), atomic_file(path) as file:
        file.write(b"second, cut")
        raise RuntimeError("pulled the plug")
    assert path.read_bytes() == b"first"
    assert sha256_of_file(path) == hashlib.sha256(b"first").hexdigest()


def test_done_records_come_back_and_what_is_cut_is_not_done(tmp_path):
    done = Done("render", "a", fingerprint(raw="1"), {"x.jpg": "00"}, {"renderings": 1})
    path = tmp_path / "a.json"
    done.write(path)
    assert read_done(path) == done
    path.write_text(path.read_text()[:-9])
    assert read_done(path) is None
    assert read_done(tmp_path / "none.json") is None


def test_fingerprints_do_not_depend_on_order_but_on_every_value():
    assert fingerprint(a=1, b={"c": 2, "d": 3}) == fingerprint(b={"d": 3, "c": 2}, a=1)
    assert fingerprint(a=1) != fingerprint(a=2)


def test_chance_depends_on_its_parts_alone():
    first = generator("raw", "noise", 7, 0).normal(size=5)
    generator("raw", "noise", 8, 0).normal(size=100)
    assert np.array_equal(first, generator("raw", "noise", 7, 0).normal(size=5))
    assert not np.array_equal(first, generator("raw", "noise", 7, 1).normal(size=5))


def test_unit_interval_is_uniform():
    draws = np.array([unit_interval("split", "", str(n)) for n in range(4000)])
    counts, _ = np.histogram(draws, bins=10, range=(0, 1))
    assert ((counts - 400) ** 2 / 400).sum() < 27.9  # chi-squared, 9 degrees, p = 0.001


@pytest.mark.parametrize(
    "path", ["../a.jpg", "renderings/../../a.jpg", "/etc/passwd", "", "a//b", "a/..", "a\0b"]
)
def test_no_path_of_a_table_leads_out_of_the_workspace(path, tmp_path):
    with pytest.raises(SceneError, match="no path within"):
        Workspace(tmp_path).file(path)
    assert Workspace(tmp_path).file("renderings/a-0/ref.jpg").is_relative_to(tmp_path)


@pytest.mark.parametrize("key", ["../x", "a/b", "..", ".", "", "/etc", "a\0"])
def test_no_key_of_a_table_is_a_path(key, tmp_path):
    space = Workspace(tmp_path)
    for place in (
        space.renderings,
        lambda k: space.table_file("rois", k),
        lambda k: space.done("x", k),
    ):
        with pytest.raises(SceneError, match="no key"):
            place(key)
