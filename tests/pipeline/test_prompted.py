import numpy as np
import pytest
from PIL import Image

from labelers.contracts.candidates import Candidate, Detection
from labelers.engine.mask_models import MaskModels
from manifests.config import MasksConfig
from manifests.errors import SeagullError
from pipeline.pages.prompted import PromptedImage, read_mask

SHAPE = (100, 120)


def block(top, bottom, left, right):
    mask = np.zeros(SHAPE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


HEAD, BODY, TREE = block(10, 30, 10, 40), block(30, 80, 10, 40), block(20, 90, 60, 110)
ANIMAL = HEAD | BODY


class Blocks:
    """Knows an animal with a head and a tree; counts how often an image is opened."""

    opened = 0

    def open(self, image):
        self.opened += 1
        return self

    def points(self, xy):
        ranked = ((HEAD, 3.0), (ANIMAL, 2.0), (BODY, 1.5), (TREE, 1.0))
        return [[Candidate(m, r) for m, r in ranked if m[int(y), int(x)]] for x, y in xy]

    def boxes(self, detections):
        best = [max((HEAD, ANIMAL, TREE), key=lambda m: self.inside(m, d)) for d in detections]
        return [Candidate(m if self.inside(m, d) else m & False, d.score or 0.0)
                for m, d in zip(best, detections, strict=True)]  # fmt: skip

    @staticmethod
    def inside(mask, detection):
        x0, y0, x1, y1 = (int(v) for v in detection.box_xyxy)
        return int(mask[y0:y1, x0:x1].sum())

    def detect(self, image):
        return [Detection((10, 10, 40, 80), "dog", 0.9), Detection((60, 20, 110, 90), "tree", 0.8)]


@pytest.fixture
def prompted():
    blocks = Blocks()
    config = MasksConfig(min_area=64)
    return PromptedImage(np.zeros((*SHAPE, 3), np.uint8), MaskModels(blocks, blocks, "x"), config)


def test_points_are_added_and_removed(prompted):
    head, body, tree = (20, 20), (20, 50), (80, 50)
    assert np.array_equal(prompted.at_points([head]), HEAD)  # the best mask there
    assert np.array_equal(prompted.at_points([head, body]), ANIMAL)  # the one that holds both
    assert np.array_equal(prompted.at_points([body], [head]), BODY)
    assert np.array_equal(prompted.at_points([body, tree]), ANIMAL | TREE)  # none holds both
    assert np.array_equal(prompted.at_points([body, tree], [head]), BODY | TREE)
    assert prompted.models.segmenter.opened == 1


def test_boxes_objects_and_masks(prompted, tmp_path):
    assert np.array_equal(prompted.in_box((55, 15, 60, 80)), TREE)
    found = prompted.objects
    assert [one.class_name for one in found] == ["dog", "tree"]
    assert np.array_equal(found[0].mask, ANIMAL)
    assert prompted.models.segmenter.opened == 1  # whatever is asked of it
    path = tmp_path / "mask.png"
    Image.fromarray(TREE).save(path)
    assert np.array_equal(prompted.from_array(read_mask(path), "mask.png"), TREE)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda p: p.at_points([]), "no point"),
        (lambda p: p.at_points([(120, 10)]), "outside"),
        (lambda p: p.at_points([(20, 20)], [(-1, 5)]), "outside"),
        (lambda p: p.at_points([(50, 95)]), "empty"),  # nothing is there
        (lambda p: p.at_points([(20, 20)], [(20, 20)]), "cannot be taken away"),
        (lambda p: p.in_box((500, 500, 20, 20)), "outside"),
        (lambda p: p.in_box((10, 10, 1, 1)), "too small"),
        (lambda p: p.in_box((42, 82, 10, 10)), "empty"),
        (lambda p: p.from_array(np.zeros(SHAPE), "m.png"), "empty"),
        (lambda p: p.from_array(np.ones((5, 7)), "m.png"), "7x5"),
    ],
)
def test_what_is_no_region_is_said(prompted, ask, says):
    with pytest.raises(SeagullError, match=says):
        ask(prompted)


def test_a_mask_that_is_no_picture_is_said(tmp_path):
    (tmp_path / "mask.png").write_text("no")
    with pytest.raises(SeagullError, match=r"mask\.png is no picture"):
        read_mask(tmp_path / "mask.png")
    with pytest.raises(SeagullError, match="no picture"):
        read_mask(tmp_path / "nothing.png")
