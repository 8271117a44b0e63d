"""What a node proves before it gets work, and what a task may take where nothing is configured."""

import psutil

from pipeline.workers import child_process, ray_worker
from pipeline.workers.child_process import memory_share
from pipeline.workers.ray_worker import SharedProof


def test_a_node_that_does_not_see_the_drivers_file_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_worker, "SEEN_S", 0.1)
    proof = SharedProof.write(tmp_path / "out", tmp_path)
    assert proof.unseen() is None
    assert SharedProof(proof.workspace, proof.name, tmp_path / "raw").unseen() == tmp_path / "raw"
    proof.remove()
    assert proof.unseen() == tmp_path / "out"
    assert list((tmp_path / "out").iterdir()) == []


def test_the_machines_memory_is_shared_by_its_workers(monkeypatch):
    machine = psutil.virtual_memory().total / 2**20
    assert memory_share(1) <= machine
    monkeypatch.setattr(child_process, "_machine_bytes", lambda: 64 * 2**30)
    assert memory_share(8) == int(0.9 * 64 * 1024 / 8)
    assert memory_share(512) == 2048
