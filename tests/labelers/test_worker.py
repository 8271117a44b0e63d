"""The JSON-lines protocol against a worker that misbehaves in every way we thought of."""

import gc
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labelers.detectors.worker_detector import WorkerDetector, WorkerSettings
from labelers.engine.mask_models import load_mask_models
from manifests.config import MasksConfig
from manifests.errors import SceneError, SeagullError

STAND_IN = str(Path(__file__).with_name("misbehaving_worker.py"))
SETTINGS = WorkerSettings("stand-in", (sys.executable, STAND_IN), None, 20.0, 5.0)


@pytest.fixture
def detector() -> Iterator[WorkerDetector]:
    worker = WorkerDetector(SETTINGS)
    yield worker
    worker.close()


def _image(how: int) -> np.ndarray:
    image = np.zeros((20, 30, 3), np.uint8)
    image[0, 0, 0] = how
    return image


@pytest.mark.parametrize("how", [0, 3, 4])
def test_answers_are_found_among_garbage_and_strangers(detector: WorkerDetector, how: int) -> None:
    for _ in range(2):
        found = detector.detect(_image(how))
        assert [(d.class_name, d.score) for d in found] == [("cat", 0.75), ("cup", 0.25)]
        assert found[0].box_xyxy == (1.0, 2.0, 30.0, 19.0)


@pytest.mark.parametrize(
    ("how", "reason", "words"),
    [(1, "died", "out of memory"), (2, "timeout", "in time"), (5, "model", "CUDA is sad"),
     (6, "model", "no list of objects")],
)  # fmt: skip
def test_what_goes_wrong_costs_one_scene(how: int, reason: str, words: str) -> None:
    detector = WorkerDetector(replace(SETTINGS, answer_s=1.0))
    first = detector.process
    with pytest.raises(SceneError, match=words) as caught:
        detector.detect(_image(how))
    assert caught.value.reason == reason
    assert len(detector.detect(_image(0))) == 2
    assert (detector.process is first) == (reason == "model")
    detector.close()


@pytest.mark.parametrize(
    ("start", "words"), [("error", "45.5%"), ("dies", "No module named"), ("hangs", "in time")]
)
def test_a_worker_that_cannot_start_says_why(start: str, words: str) -> None:
    settings = replace(SETTINGS, command=(*SETTINGS.command, start), start_s=2.0)
    with pytest.raises(SeagullError, match=words):
        WorkerDetector(settings)


def test_no_process_is_left_behind(detector: WorkerDetector) -> None:
    worker = WorkerDetector(SETTINGS)
    assert worker.process is not None
    popen = worker.process.popen
    del worker
    gc.collect()
    assert popen.poll() is not None


def test_missing_options_are_named(tmp_path: Path) -> None:
    weights = tmp_path / "focal.pt"
    weights.write_bytes(b"x")
    config = MasksConfig(detector="seem", detector_weights=str(weights))
    with pytest.raises(SeagullError, match=r"masks.detector_options.python"):
        load_mask_models(config, "cpu")
    options = {"python": sys.executable, "repo": "no/such/checkout"}
    with pytest.raises(SeagullError, match=r"masks.detector_options.repo"):
        load_mask_models(replace(config, detector_options=options), "cpu")
