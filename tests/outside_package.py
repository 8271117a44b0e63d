"""A package outside the tree, as a user's would be installed: its modules and its dist-info."""

import os
import shutil
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_distortion"
LEVELS = EXAMPLE / "levels.yaml"
MODELS = '''
"""Models so simple that their results are known."""

import numpy as np

from labelers.contracts.candidates import Candidate, Detection
from labelers.contracts.crops import Scores
from labelers.contracts.kinds import DetectorKind, ScorerKind, SegmenterKind


class Middle:
    """One object: the middle half of the image."""

    def detect(self, image):
        height, width = image.shape[:2]
        return [Detection((width / 4, height / 4, 3 * width / 4, 3 * height / 4), "middle", 0.5)]


class Boxes:
    """Every mask is the box."""

    def open(self, image):
        self.shape = image.shape[:2]
        return self

    def boxes(self, detections):
        return [self._filled(*map(round, d.box_xyxy)) for d in detections]

    def points(self, xy):
        return [[] for _ in xy]

    def _filled(self, x0, y0, x1, y1):
        mask = np.zeros(self.shape, bool)
        mask[y0:y1, x0:x1] = True
        return Candidate(mask, 1.0)


class Nearness:
    """1 less the mean absolute difference inside the box."""

    def scores(self, reference, crops, renderings):
        quality = [[self._near(reference, r, crop.window) for crop in crops] for r in renderings]
        return Scores(np.array(quality), 1 - np.array(quality))

    def _near(self, reference, rendering, window):
        return 1 - np.abs(reference[window].astype(float) - rendering[window]).mean() / 255


DETECTOR = DetectorKind(lambda config, device: Middle(), lambda config: "middle-1")
SEGMENTER = SegmenterKind(lambda config, device: Boxes(), lambda config: "boxes-1")
SCORER = ScorerKind(lambda config, device: Nearness(), lambda config: "nearness-1", 0.99)
'''
ENTRY_POINTS = """
[seagull.distortions]
sharpening = sharpening:SHARPENING
[seagull.detectors]
middle = outside_models:DETECTOR
[seagull.segmenters]
boxes = outside_models:SEGMENTER
[seagull.scorers]
nearness = outside_models:SCORER
broken = outside_models:NOTHING
wrong = sharpening:sharpen
"""


def install(folder: Path) -> dict[str, str]:
    """Lay the package into `folder`; the environment in which Python finds it."""
    shutil.copy(EXAMPLE / "sharpening.py", folder)
    (folder / "outside_models.py").write_text(MODELS)
    info = folder / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    root = Path(__file__).parents[1]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(root)])}
