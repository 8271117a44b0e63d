"""A workspace and RAW files in S3, on loopback: the same bytes, whatever the store does."""

import os
import shutil
from pathlib import Path

import pytest
from runs import TINY, seagull, tree_sha256

pytest.importorskip("s3fs", reason="needs the extra s3")
pytest.importorskip("moto", reason="needs moto[s3], of the extra dev")
from s3_server import KEY, SECRET, Fault, environment, s3_server

from manifests.errors import MachineError, SeagullError
from manifests.records import Failure
from manifests.store_url import StoreUrl
from manifests.tables import parse_records
from pipeline.store import object_store
from pipeline.store.object_store import ObjectStore

ONE_WORKER = ["--executor", "local", "--workers", "1"]


@pytest.fixture(scope="module")
def server():
    with s3_server() as s3:
        yield s3


@pytest.fixture
def s3(server, tmp_path, monkeypatch):
    """The server with an empty bucket and no faults; this process and its children reach it."""
    for name, value in environment(server.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SEAGULL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SEAGULL_SCRATCH", str(tmp_path / "scratch"))
    server.faults, server.unlisted, server.asked = [], "", []
    object_store._opened.cache_clear()
    system = object_store._system("s3")
    if system.exists("bucket"):
        system.rm("bucket", recursive=True)
    system.mkdir("bucket")
    return server


def _put(folder, prefix):
    store = ObjectStore(StoreUrl(f"s3://bucket/{prefix}"))
    for path in folder.iterdir():
        store.put(path, path.name)


def test_the_same_bytes_as_on_a_disk_though_the_store_fails_now_and_then(s3, tiny, tiny_raw):
    s3.faults = [
        Fault("PUT", r"blur_0\d", "slow_down", times=4),
        Fault("PUT", r"noise_1\d", "broken", times=3),
        Fault("PUT", r"done/masks", "broken", times=1),
        Fault("GET", r"ref\.jpg", "slow_down", times=1),
        Fault("PUT", r"\.tar$", "broken", times=1),
    ]
    ran = seagull("build", "--raw", tiny_raw, "--out", "s3://bucket/out", *ONE_WORKER, *TINY)
    assert ran.returncode == 0, ran.stderr
    assert [fault.seen > fault.times for fault in s3.faults] == [True] * 5
    assert s3.tree_sha256("out") == tree_sha256(tiny)
    verified = seagull("verify", "--out", "s3://bucket/out", "--executor", "local")
    assert verified.returncode == 0, verified.stderr
    assert "363 samples" in verified.stdout and "all whole" in verified.stdout
    assert list(Path(os.environ["SEAGULL_SCRATCH"]).iterdir()) == []


def test_refused_in_the_middle_and_resumed_with_a_listing_that_lags(s3, tiny, tiny_raw, tmp_path):
    """RAW in the store, too: one is damaged, one vanishes between its finding and its turn."""
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(tiny_raw / "coffee.dng", raw)
    shutil.copy(tiny_raw / "astronaut.dng", raw)
    (raw / "cut.NEF").write_bytes((tiny_raw / "chelsea.dng").read_bytes()[:20_000])
    _put(raw, "raw")
    build = ["build", "--raw", "s3://bucket/raw", "--out", "s3://bucket/out", *ONE_WORKER, *TINY]
    vanishes = Fault("GET", r"raw/astronaut", "gone", after=1)
    s3.faults = [vanishes, Fault("PUT", r"tables/labels", "forbidden")]
    refused = seagull(*build)
    assert refused.returncode == 2
    last = refused.stderr.strip().splitlines()[-1]
    assert last.startswith("seagull: labels: ") and "AccessDenied" in last
    assert "s3://bucket/out/tables/labels/coffee-" in last
    assert "Traceback" not in refused.stderr and not _tells(refused.stderr + refused.stdout)

    s3.faults = [vanishes]
    s3.unlisted, s3.asked = r"out/(done/render|renderings|tables)/", []
    resumed = seagull(*build)
    assert resumed.returncode == 1, resumed.stderr  # the damaged one, and the one that is gone
    assert "render      0 made      1 kept      2 failed" in resumed.stdout
    assert "labels      1 made      0 kept" in resumed.stdout
    assert not any("PUT bucket/out/renderings" in asked for asked in s3.asked)
    made, wanted = s3.tree_sha256("out"), tree_sha256(tiny)
    same = [name for name, sha256 in made.items() if wanted.get(name) == sha256]
    assert len([name for name in same if name.startswith("renderings/coffee-")]) == 121
    assert {"rois", "labels", "renderings"} <= {n.split("/")[1] for n in same if "tables/" in n}
    contents = s3.objects("out")
    rows = [parse_records(c, Failure, n)[0] for n, c in contents.items() if "tables/fail" in n]
    assert {(row.reason, row.message.partition(": ")[0]) for row in rows} == {
        ("unreadable", "s3://bucket/raw/cut.NEF"),
        ("missing_input", "s3://bucket/raw/astronaut.dng"),
    }
    assert not any(_tells(content.decode("latin-1")) for content in contents.values())


def _tells(text: str) -> bool:
    return KEY in text or SECRET in text


@pytest.mark.parametrize(
    "fault, said",
    [
        (Fault("GET", r"config\.yaml", "forbidden"), "AccessDenied of the test"),
        (Fault("GET", r"config\.yaml", "slow_down"), r"SlowDown of the test, tried for \d s"),
        (Fault("LIST", "", "broken"), r"tried for \d s"),
    ],
)
def test_a_store_that_does_not_do_its_part_ends_the_command_in_a_line(s3, fault, said, monkeypatch):
    monkeypatch.setenv("SEAGULL_STORE_PATIENCE_S", "3")
    s3.faults = [fault]
    with pytest.raises(MachineError, match=said) as ended:
        _status("s3://bucket/out")
    assert "run the same again" in str(ended.value) and not _tells(str(ended.value))


def test_a_bucket_that_is_not_there_and_a_server_that_is_not(s3, monkeypatch):
    with pytest.raises(MachineError, match="bucket nobody does not exist"):
        _status("s3://nobody/out")
    with pytest.raises(SeagullError, match="none below it"):
        seagull_in_here("build", "--raw", "s3://bucket/raw", "--out", "s3://bucket/out")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SEAGULL_STORE_PATIENCE_S", "3")
    object_store._opened.cache_clear()
    with pytest.raises(MachineError, match=r"tried for \d s"):
        _status("s3://bucket/out")


def _status(url):
    seagull_in_here("status", "--out", url)


def seagull_in_here(*arguments):
    from pipeline.cli.main import seagull

    seagull.main(list(arguments), standalone_mode=False)
