"""A study under load: many clients at full speed, the server killed again and again.

    python -m annotation.simulation.load_proof            # the paper's size, ten kills

Every vote that was acknowledged must be in the export exactly once, none doubled, and the plan must
add up. What is measured: votes a second, the time of an answer, the server's memory.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http.client import HTTPException
from pathlib import Path

import cv2
import numpy as np
import psutil

from annotation.plan.schedule import Assignment, Item, schedule
from annotation.plan.study_folder import StudyFolder
from annotation.rating.study_site import study_site
from annotation.simulation.http_raters import SETUP, Link, vote_about
from annotation.simulation.votes_by_model import Truth, simulated_rater
from annotation.votes.vote_store import VoteStore, create_store
from annotation.web.serve import bind, serve
from manifests.config import Config, StudyConfig
from manifests.files import write_atomic
from manifests.records import Roi
from manifests.rle import encode
from manifests.tables import write_records

_SIDE = 64  # pixels of the stand-in photograph: no image is asked for
_TRUTH = Truth(2.5, 2.0, {"blur": 2.0})
_PATIENCE_S = 60.0  # without any answer


@dataclass(frozen=True)
class Proof:
    """What came of it; times in milliseconds, of answers to votes, as a client waits for them."""

    votes: int
    acknowledged: int
    lost: int
    doubled: int
    fewest_a_roi: int
    most_a_roi: int
    kills: int
    seconds: float
    votes_a_second: float
    median_ms: float
    p99_ms: float
    server_mib: float


def plan_on_disk(folder: StudyFolder, config: StudyConfig) -> dict[int, str]:
    """A planned study of `config.rois` ROIs on stand-in photographs; returns the links."""
    image = cv2.imencode(".png", np.full((_SIDE, _SIDE, 3), 128, np.uint8))[1].tobytes()
    write_atomic(folder.root / "renderings" / "all.png", image)
    mask = np.zeros((_SIDE, _SIDE), bool)
    mask[16:48, 16:48] = True
    roi = Roi("all_obj000", "all", "object", None, None, None, None, (16, 16, 32, 32), 1024,
              _SIDE, _SIDE, encode(mask), "stand-in")  # fmt: skip
    write_records(folder.space.table_file("rois", "all"), [roi], Roi)
    write_records(folder.lesson_rois, [], Roi)
    write_atomic(folder.root / "lessons" / "plates.json", json.dumps({"plate_1": "8"}))
    folder.pictures.mkdir(parents=True, exist_ok=True)
    items = [
        Item(n, "roi", f"s{n // 3}_ref", roi.roi_id, f"s{n // 3}", "renderings/all.png", "")
        for n in range(config.rois)
    ]
    turns = schedule(items, config, seed=0)
    write_records(folder.items, items, Item)
    write_records(folder.turns, turns, Assignment)
    _, tokens = create_store(folder.votes, turns, "load", "simulated")
    return {rater: f"/r/{token}" for rater, token in tokens.items()}


class _Server:
    """The study's server in a process of its own, killed and begun again on the same port."""

    def __init__(self, folder: StudyFolder) -> None:
        with bind("127.0.0.1", 0) as bound:
            self.port = bound.getsockname()[1]
        self.command = [sys.executable, "-m", "annotation.simulation.load_proof", "serve",
                        str(folder.root), str(self.port)]  # fmt: skip
        self.most_mib = 0.0
        self.begin()

    def begin(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.weigh()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.begin()

    def weigh(self) -> None:
        memory = psutil.Process(self.process.pid).memory_info().rss / 2**20
        self.most_mib = max(self.most_mib, memory)

    def end(self) -> None:
        self.weigh()
        self.process.terminate()
        self.process.wait(30)


class _Client:
    """One rater that sends a vote until it is acknowledged, and remembers which were."""

    def __init__(self, port: int, link: str, rater: int) -> None:
        self.url, self.link = f"http://127.0.0.1:{port}", link
        self.rater = simulated_rater(rater, 0)
        self.connection = Link(self.url, link)
        self.acknowledged: list[str] = []
        self.times: list[float] = []

    def ask(self, path: str, body: dict | None = None) -> dict:
        limit = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return self.connection.ask(path, body)
            except (OSError, HTTPException, ValueError):
                if time.monotonic() > limit:
                    raise
                self.connection.connection.close()
                time.sleep(0.05)
                self.connection = Link(self.url, self.link)

    def run(self, given: Counter[str]) -> None:
        self.ask("/consent", {})
        self.ask("/api/check", {**SETUP, "plates": {"plate_1": ""}})
        told = self.ask("/api/next")
        while told["state"] == "item":
            vote = vote_about(told, self.rater, _TRUTH)
            before = time.perf_counter()
            told = self.ask("/api/vote", vote)["next"]
            self.times.append(1000 * (time.perf_counter() - before))
            self.acknowledged.append(vote["vote"])
            given["votes"] += 1
        self.connection.connection.close()


def prove(config: StudyConfig, kills: int, root: Path) -> Proof:
    """Let everybody rate everything while the server is killed `kills` times."""
    folder = StudyFolder(root)
    links = plan_on_disk(folder, config)
    turns = len(folder.read_turns())
    server = _Server(folder)
    clients = [_Client(server.port, link, rater) for rater, link in links.items()]
    given: Counter[str] = Counter()
    begun = time.monotonic()
    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            futures = [pool.submit(client.run, given) for client in clients]
            _kill_on_the_way(server, given, turns, kills)
            for future in futures:
                future.result()
        seconds = time.monotonic() - begun
    finally:
        server.end()
    return _proof(folder, clients, config, kills, seconds, server.most_mib)


def _kill_on_the_way(server: _Server, given: Counter[str], turns: int, kills: int) -> None:
    for number in range(1, kills + 1):
        limit = time.monotonic() + _PATIENCE_S * 10
        while given["votes"] < turns * number / (kills + 1) and time.monotonic() < limit:
            time.sleep(0.01)
        server.kill()


def _proof(
    folder: StudyFolder,
    clients: Sequence[_Client],
    config: StudyConfig,
    kills: int,
    seconds: float,
    memory: float,
) -> Proof:
    store = VoteStore(folder.votes)
    try:
        casts, names = store.votes(), Counter(store.vote_names())
    finally:
        store.close()
    acknowledged = [name for client in clients for name in client.acknowledged]
    a_roi = Counter(cast.item for cast in casts if cast.purpose == "rating")
    turns = Counter((cast.rater, cast.position) for cast in casts)
    counts = [a_roi[n] for n in range(config.rois)]
    times = np.concatenate([client.times for client in clients])
    return Proof(
        votes=len(casts),
        acknowledged=len(acknowledged),
        lost=sum(names[name] != 1 for name in acknowledged),
        doubled=sum(count - 1 for count in turns.values()),
        fewest_a_roi=min(counts),
        most_a_roi=max(counts),
        kills=kills,
        seconds=round(seconds, 1),
        votes_a_second=round(len(acknowledged) / seconds, 1),
        median_ms=round(float(np.median(times)), 1),
        p99_ms=round(float(np.quantile(times, 0.99)), 1),
        server_mib=round(memory, 1),
    )


def _serve(root: str, port: str) -> None:
    folder = StudyFolder(Path(root))
    store = VoteStore(folder.votes)
    try:
        serve(study_site(folder, store, Config()), port=int(port), ready=lambda _: None)
    finally:
        store.close()


def main(arguments: Sequence[str]) -> None:
    """The server's process, or the whole proof."""
    if arguments[:1] == ["serve"]:
        _serve(*arguments[1:3])
        return
    threading.stack_size(256 * 1024)
    with tempfile.TemporaryDirectory() as scratch:
        for name, value in asdict(prove(StudyConfig(), 10, Path(scratch))).items():
            print(f"{name:16} {value}")


if __name__ == "__main__":
    main(sys.argv[1:])
