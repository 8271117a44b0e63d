"""The layer between a workspace and a store, in memory: URLs, mirror, scratch, lock, messages."""

import errno
import json
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import click
import fsspec
import pytest

from manifests.done import Done, describe, read_done
from manifests.errors import MachineError, SceneError, SeagullError
from manifests.files import fresh_folder, remove_file, sha256_of, sha256_of_file, write_atomic
from manifests.mirrors import mirrored
from manifests.paths import text_of
from manifests.presets import PRESETS
from manifests.store_url import StoreUrl, is_url, parse_url
from manifests.workspace import Workspace
from pipeline.cli.main import seagull
from pipeline.cli.places import DiskPath, PlaceType
from pipeline.intake.missing import locate
from pipeline.intake.sources import Source, find_sources
from pipeline.run.lock import no_other_writer, only_writer
from pipeline.run.pulling import opened
from pipeline.store import caching, object_store, store_lock
from pipeline.store.object_store import ObjectStore, all_at_once
from pipeline.store.redacting import redacted
from pipeline.store.scratch import scratch
from pipeline.store.store_mirror import StoreMirror
from pipeline.workers.worker import Outcome, Task, nearby

URL = StoreUrl("memory://bucket/out")


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("SEAGULL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SEAGULL_SCRATCH", str(tmp_path / "scratch"))
    fsspec.filesystem("memory").store.clear()
    return ObjectStore(URL)


def _names():
    return sorted(fsspec.filesystem("memory").store)


def _done(workspace: Workspace, names, key="a-00000000") -> Done:
    done = describe("render", key, "f", workspace.root, [workspace.root / n for n in names])
    done.write(workspace.done("render", key))
    return done


# URLs


@pytest.mark.parametrize(
    "text", ["s3://key:secret@bucket/x", "s3://b/x?X-Amz-Signature=secret", "https://k:secret@h/x"]
)
def test_a_url_with_credentials_is_refused_and_not_repeated(text):
    with pytest.raises(SeagullError, match="credentials") as refused:
        parse_url(text)
    assert "secret" not in str(refused.value)


def test_urls():
    assert str(parse_url("s3://bucket//raw/")) == "s3://bucket/raw"
    assert parse_url("abfs://container@account/raw").name == "raw"
    assert text_of(parse_url("gs://b/r.v2.NEF")) == "gs://b/r.v2.NEF"
    for text in ("http://host/x", "file:///x", "simplecache::s3://b/x", "s3://"):
        assert is_url(text)
        with pytest.raises(SeagullError):
            parse_url(text)


def test_no_command_takes_a_url_for_a_path_but_those_that_say_so():
    """Or `Path("s3://bucket")` would make a folder `s3:`."""
    kinds = {
        (name, param.name): param.type
        for name, command in seagull.commands.items()
        for one in (command, *getattr(command, "commands", {}).values())
        for param in one.params
        if isinstance(param.type, click.Path | DiskPath | PlaceType)
    }
    assert len(kinds) > 40
    assert not [where for where, kind in kinds.items() if isinstance(kind, click.Path)]
    taken = {param for (_, param), kind in kinds.items() if isinstance(kind, PlaceType)}
    assert taken == {"raw", "out"}


# What is said of an error


def test_nothing_secret_is_said():
    environment = {"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "AZURE_SAS": "sv=2020", "HOME": "/h"}
    text = (
        "403 for https://u:pw@host/b/k?X-Amz-Credential=AKID&X-Amz-Signature=99 with wJalrXUtnFEMI"
        " and sv=2020 at /h"
    )
    assert redacted(text, environment) == "403 for https://host/b/k with *** and *** at /h"


# Trying again


class Flaky:
    """A file system whose `info` fails as told, then answers."""

    async_impl = False
    _strip_protocol = staticmethod(lambda url: url)

    def __init__(self, *errors):
        self.errors, self.asked = list(errors), 0

    def info(self, path):
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"name": path, "size": 3, "type": "file", "ETag": "e"}


@pytest.fixture
def flaky(monkeypatch):
    def make(*errors):
        system = Flaky(*errors)
        monkeypatch.setattr(object_store, "_system", lambda scheme: system)
        return system

    monkeypatch.setattr(object_store, "FIRST_PAUSE_S", 0.01)
    return make


def test_what_passes_is_tried_again_and_what_is_settled_is_not(flaky, store):
    system = flaky(OSError(16, "SlowDown"), TimeoutError(), ConnectionResetError())
    assert store.stat("x") == (3, "e") and system.asked == 4
    for error in (PermissionError("denied"), OSError(22, "InvalidBucketName"), ValueError("x")):
        system = flaky(error)
        with pytest.raises((PermissionError, MachineError)):
            store.stat("x")
        assert system.asked == 1
    assert flaky(FileNotFoundError("x")) and store.stat("x") is None


def test_a_full_disk_here_is_said_as_such_and_holds_against_no_scene(monkeypatch, tmp_path):
    def full(self, path, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    _put_raw(a_NEF=b"aa")
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", full)
    source = Source("memory://bucket/raw/a.NEF", sha256_of(b"aa"), 2, "a-00000000")
    task = Task("render", source, Workspace(tmp_path), PRESETS["demo"], "f")
    outcome = nearby(task, lambda task: pytest.fail("it was begun"), raw=True)
    assert outcome.ends_run and outcome.reason == "machine"
    assert "No space left" in outcome.message and "SEAGULL_SCRATCH" in outcome.message


def test_a_disk_that_fills_up_in_a_task_is_told_from_a_store_that_is_full(store, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with scratch(Workspace(URL, str(URL))) as here:
        monkeypatch.setattr("manifests.files._fsync", full)
        with pytest.raises(
            MachineError, match=r"No space left on device \(here, .*SEAGULL_SCRATCH"
        ):
            write_atomic(here.workspace.root / "row", b"x")
    assert _names() == []


def test_no_patience_is_without_end(flaky, store):
    system = flaky(*[OSError(16, "SlowDown")] * 1000)
    began = time.monotonic()
    with pytest.raises(MachineError, match=r"SlowDown.*run the same again"):
        replace(store, patience_s=0.3).stat("x")
    assert time.monotonic() - began < 2 and 3 < system.asked < 100


def test_one_that_fails_of_many_ends_the_others():
    def work(name):
        if name == "3":
            raise PermissionError(name)
        return name

    with pytest.raises(PermissionError):
        list(all_at_once(work, map(str, range(1000))))


# The mirror


def test_a_mirror_holds_records_with_content_and_the_rest_by_size(store, tmp_path):
    names = ("config.yaml", "done/render/a.json", "renderings/a/ref.jpg", "xmp/a", ".lock.json")
    for name in names:
        store.write(name, name.encode())
    mirror = StoreMirror(store, tmp_path / "home")
    mirror.pull(lambda name: name.startswith("done/"))
    root = mirror.root
    assert (root / "done/render/a.json").read_text() == "done/render/a.json"
    assert (root / "xmp/a").read_bytes() == bytes(5)
    assert not (root / ".lock.json").exists() and not (root / "renderings").exists()
    assert list(mirror.names_apart()) == ["renderings/a/ref.jpg"]
    assert mirror.sizes(root / "renderings", ["a/ref.jpg", "a/none"]) == {"a/ref.jpg": 20}
    for name in ("renderings/a/ref.jpg", "xmp/a"):
        with mirrored(mirror):
            assert sha256_of_file(root / name) == sha256_of(name.encode())
    store.remove("config.yaml")
    store.write("done/render/a.json", b"another")
    mirror.pull(lambda name: name.startswith("done/"))
    assert not (root / "config.yaml").exists()
    assert (root / "done/render/a.json").read_text() == "another"


def test_what_is_gone_takes_no_folder_from_under_a_fetch(store, tmp_path, monkeypatch):
    """Its folder, emptied, was removed while another file was about to be written into it."""
    store.write("done/render/b.json", b"{}")
    mirror = StoreMirror(store, tmp_path / "home")
    folder, ask, begun = mirror.root / "done" / "render", ObjectStore._ask, threading.Event()

    def slow(self, what, path, *arguments, **options):
        """The one that is there begins first, and goes on when its folder is gone, if ever."""
        if path.endswith("b.json"):
            begun.set()
            until = time.monotonic() + 0.5
            while folder.exists() and time.monotonic() < until:
                time.sleep(0.01)
            Path(arguments[0]).write_bytes(b"{}")  # as s3fs does: it makes no folder
            return None
        assert begun.wait(10)
        return ask(self, what, path, *arguments, **options)

    monkeypatch.setattr(ObjectStore, "_ask", slow)
    mirror.bring(["done/render/a.json", "done/render/b.json"])
    assert (folder / "b.json").read_bytes() == b"{}" and set(mirror.here) == {"done/render/b.json"}


def test_what_is_written_and_removed_here_is_so_in_the_store(store, tmp_path):
    mirror = StoreMirror(store, tmp_path / "home")
    store.write("renderings/a/old.png", b"old")
    with mirrored(mirror):
        fresh_folder(mirror.root / "renderings/a")
        write_atomic(mirror.root / "renderings/a/ref.jpg", b"new")
        write_atomic(mirror.root / "gone.txt", b"x")
        remove_file(mirror.root / "gone.txt")
    assert _names() == ["/bucket/out/renderings/a/ref.jpg"]


def test_what_the_store_refuses_is_not_written_here_either(store, tmp_path, monkeypatch):
    mirror = StoreMirror(store, tmp_path / "home")

    def refuse(*_):
        raise PermissionError("AccessDenied")

    monkeypatch.setattr(ObjectStore, "put", refuse)
    with mirrored(mirror), pytest.raises(MachineError, match="AccessDenied"):
        write_atomic(mirror.root / "row.parquet", b"new")
    assert list(mirror.root.iterdir()) == []


def test_messages_name_the_store_not_the_folder_here(store):
    with pytest.raises(SeagullError) as said, opened(URL) as workspace:
        raise SeagullError(f"{workspace.root}/tables is damaged")
    assert str(said.value) == f"{URL}/tables is damaged"


# A task's files


def test_a_record_goes_after_all_that_was_written_before_it(store, monkeypatch):
    order, put = [], ObjectStore.put

    def slow(self, path, name):
        time.sleep(0.05 if name.endswith("0.jpg") else 0)
        put(self, path, name)
        order.append(name)

    monkeypatch.setattr(ObjectStore, "put", slow)
    names = [f"renderings/a-00000000/{n}.jpg" for n in range(6)]
    with scratch(Workspace(URL, str(URL))) as here:
        for name in names:
            write_atomic(here.workspace.root / name, name)
        _done(here.workspace, names)
        root = here.workspace.root
    assert sorted(order[:-1]) == sorted(names) and order[-1] == "done/render/a-00000000.json"
    assert not root.exists() and list(caching.scratch_home().iterdir()) == []
    assert json.loads(store.read(order[-1]))["files"].keys() == set(names)


def test_an_upload_that_fails_leaves_no_record(store, monkeypatch):
    put = ObjectStore.put

    def fails(self, path, name):
        if name.endswith("3.jpg"):
            raise MachineError(f"{name}: no answer")
        put(self, path, name)

    monkeypatch.setattr(ObjectStore, "put", fails)
    with pytest.raises(MachineError, match="no answer"), scratch(Workspace(URL, str(URL))) as here:
        for n in range(6):
            write_atomic(here.workspace.root / f"renderings/a-00000000/{n}.jpg", str(n))
        _done(here.workspace, [f"renderings/a-00000000/{n}.jpg" for n in range(6)])
    assert "/bucket/out/done/render/a-00000000.json" not in _names()


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_has_is_not(tmp_path):
    left = caching.scratch_home() / "task-left"
    left.mkdir(parents=True)
    (left / ".lock").touch()
    (left / "big.dng").touch()
    with caching.scratch_folder() as mine, caching.scratch_folder() as other:
        assert not left.exists()
        assert mine.exists() and other.exists() and mine != other


# RAW files


def _put_raw(**files):
    store = ObjectStore(StoreUrl("memory://bucket/raw"))
    for name, content in files.items():
        store.write(name.replace("__", "/").replace("_", "."), content)


def test_raw_files_of_a_store_are_read_once(tmp_path, monkeypatch):
    _put_raw(a_NEF=b"aa", sub__b_dng=b"b", c_txt=b"c", _hidden_NEF=b"h")
    workspace, url = Workspace(tmp_path), StoreUrl("memory://bucket/raw")
    found = find_sources(url, workspace)
    assert [source.path for source in found.sources] == [f"{url}/a.NEF", f"{url}/sub/b.dng"]
    assert [source.sha256 for source in found.sources] == [sha256_of(b"aa"), sha256_of(b"b")]
    assert [path.name for path in found.ignored] == ["c.txt"]
    fetched, fetch = [], ObjectStore.fetch
    monkeypatch.setattr(
        ObjectStore, "fetch", lambda self, name, *a: fetched.append(name) or fetch(self, name, *a)
    )
    assert find_sources(url, workspace).sources == found.sources and fetched == []
    _put_raw(a_NEF=b"zz")
    assert find_sources(url, workspace).sources[0].sha256 == sha256_of(b"zz")
    assert fetched == ["a.NEF"]
    there, missing = locate(found.sources, workspace)
    assert [s.path for s in there] == [f"{url}/sub/b.dng"]
    assert [one.why for one in missing] == ["replaced"]


def test_a_raw_that_is_gone_or_replaced_costs_its_scene(tmp_path):
    _put_raw(a_NEF=b"aa")
    url = "memory://bucket/raw/a.NEF"
    with scratch(Workspace(tmp_path), url, sha256_of(b"aa"), 2) as here:
        assert here.raw.read_bytes() == b"aa" and here.workspace == Workspace(tmp_path)
        assert here.shown_in((f"{here.raw}: cut",)) == (f"{url}: cut",)
    for name, why in (("a.NEF", "replaced"), ("b.NEF", "gone")):
        wanted = f"memory://bucket/raw/{name}"
        with pytest.raises(SceneError, match=why), scratch(Workspace(tmp_path), wanted, "0" * 64):
            pass


# One writer


def _refused(kind, why):
    with opened(URL) as workspace, pytest.raises(kind, match=why), only_writer(workspace.root):
        pytest.fail("it was let in")


def test_the_second_is_told_who_holds_it_and_a_dead_one_holds_nothing(store, tmp_path):
    with opened(URL) as workspace, only_writer(workspace.root):
        assert _names() == ["/bucket/out/.lock.json"]
        _refused(SeagullError, "in use by process")
    assert _names() == []
    holder = {"pid": 2**22 + 1, "host": store_lock.socket.gethostname(), "since": "", "command": ""}
    store.write(".lock.json", json.dumps(holder | {"renewed": time.time(), "token": "t"}).encode())
    with opened(URL) as workspace, only_writer(workspace.root):
        pass  # its process is gone
    holder["host"] = "elsewhere"
    store.write(".lock.json", json.dumps(holder | {"renewed": time.time(), "token": "t"}).encode())
    _refused(SeagullError, r"elsewhere.*lapses 120 s")
    lapsed = holder | {"renewed": time.time() - 121, "token": "t"}
    for left in (json.dumps(lapsed), "no JSON", "[1]"):
        store.write(".lock.json", left.encode())
        with opened(URL) as workspace, only_writer(workspace.root):
            pass


def test_of_many_who_come_at_once_one_holds_it(store):
    held, refused = [], []
    met = threading.Barrier(8)

    def come(n):
        lock = store_lock.StoreLock(store, {"pid": n, "host": "h", "since": "", "command": ""})
        met.wait()
        try:
            lock.take()
            held.append(n)
        except SeagullError:
            refused.append(n)

    threads = [threading.Thread(target=come, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 1 and len(refused) == 7


def test_who_was_taken_for_dead_writes_nothing_more(store, monkeypatch):
    monkeypatch.setattr(store_lock, "RENEWED_S", 0.02)
    with opened(URL) as workspace, only_writer(workspace.root):
        store.write(".lock.json", json.dumps({"token": "another's"}).encode())
        until = time.monotonic() + 5
        with pytest.raises(MachineError, match="taken over"):
            while time.monotonic() < until:
                write_atomic(workspace.root / "row", b"x")
                time.sleep(0.02)
    assert "another" in store.read(".lock.json").decode()


def test_who_may_only_read_reads_without_a_lock(store, monkeypatch):
    store.write("config.yaml", b"x")
    store.write("done/sources.json", b"{}")

    def refuse(*_):
        raise PermissionError("AccessDenied")

    monkeypatch.setattr(ObjectStore, "create", refuse)
    with opened(URL) as workspace, no_other_writer(workspace.root):
        assert workspace.config.read_text() == "x"
        assert read_done(workspace.done("render", "a")) is None
    _refused(MachineError, "AccessDenied; what is done")


def test_names_that_lead_out_of_the_workspace_are_not_followed(store, tmp_path):
    """A workspace may be another's: neither its objects nor its records name files elsewhere."""
    system = fsspec.filesystem("memory")
    system.store["/bucket/out/../../up.txt"] = system.store.get("x") or _object(system)
    mirror = StoreMirror(store, tmp_path / "home")
    mirror.pull(lambda name: True)
    mirror.bring(["../up.txt", "/etc/hostname", "a//b"])
    mirror.look_up(["../up.txt"])
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def _object(system):
    system.pipe_file("/elsewhere", b"x")
    return system.store["/elsewhere"]


def test_a_mirror_whose_command_was_killed_is_not_believed(store, tmp_path):
    """A stand-in has come in the place of content, and the object is the same to the last bit."""
    store.write("tables/rois/a.parquet", b"rows")
    first = StoreMirror(store, tmp_path / "home")
    first.pull(lambda name: True)
    first.close()
    killed = StoreMirror(store, tmp_path / "home")
    done = Done("masks", "a", "f", {"tables/rois/a.parquet": ""}, {}, {"tables/rois/a.parquet": 4})
    killed.adopt(done, killed.root / "done/masks/a.json", killed.root)
    again = StoreMirror(store, tmp_path / "home")
    again.pull(lambda name: True)
    assert (again.root / "tables/rois/a.parquet").read_bytes() == b"rows"
    assert not (again.root / "done").exists()  # what the store has not is not here either


def test_of_a_file_written_twice_the_store_has_the_second(store, monkeypatch):
    put = ObjectStore.put

    def slow(self, path, name):
        content = path.read_bytes()
        time.sleep(0.1 if content == b"first" else 0)
        self.write(name, content)

    monkeypatch.setattr(ObjectStore, "put", slow)
    with scratch(Workspace(URL, str(URL))) as here:
        for content in (b"first", b"second"):
            write_atomic(here.workspace.root / "row", content)
            write_atomic(here.workspace.root / f"other-{content.decode()}", b"x")
    assert put and store.read("row") == b"second"


# Killed at any moment


class Killed(BaseException):
    """The process ends here: nothing after this reaches the store."""


def _make(content: str, names):
    """A stage's work: its folder emptied, its files, its record."""

    def work(task):
        space, key = task.workspace, task.source.scene_id
        remove_file(space.done("render", key))
        fresh_folder(space.renderings(key))
        for name in names:
            write_atomic(space.renderings(key) / name, f"{content} {name}")
        return Outcome(task, _done(space, [f"renderings/{key}/{name}" for name in names], key))

    return work


def test_killed_at_any_change_of_the_store_no_record_says_what_is_not_so(monkeypatch):
    task = Task("render", Source("a.NEF", "", 0, "a-00000000"), Workspace(URL, str(URL)), None, "f")
    old, new = _make("old", ("ref.png", "1.png")), _make("new", ("ref.jpg", "1.jpg", "2.jpg"))
    nearby(task, new)
    wanted = _contents()
    kills = 0
    for after in range(100):
        fsspec.filesystem("memory").store.clear()
        nearby(task, old)
        with monkeypatch.context() as patch:
            kills += _killed_after(after, patch, lambda: nearby(task, new))
        for record, text in _contents().items():
            if "/done/" in record:
                for name, sha256 in json.loads(text)["files"].items():
                    assert sha256_of(_contents()[f"/bucket/out/{name}"]) == sha256
        nearby(task, new)
        assert _contents() == wanted
        if kills <= after:
            break
    assert kills == 7  # a record and two files removed, three files and a record put


def _killed_after(changes, patch, work) -> bool:
    left, lock = [changes], threading.Lock()

    def counted(change):
        def changed(self, *arguments):
            with lock:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
            change(self, *arguments)

        return changed

    for name in ("put", "remove"):
        patch.setattr(ObjectStore, name, counted(getattr(ObjectStore, name)))
    try:
        work()
    except Killed:
        return True
    return False


def _contents():
    return {name: bytes(f.getvalue()) for name, f in fsspec.filesystem("memory").store.items()}
