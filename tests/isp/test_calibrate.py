import numpy as np
import pytest

from isp.distortions.levels import load_levels
from isp.tools.calibrate import Measured, all_curves, measure, plot, table, to_yaml
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.config import RenderConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS


def falling(curve):
    """A made-up score that falls with the square root of the way along the curve."""
    way = np.linspace(0, 1, len(curve.grid()))
    return Measured(curve, curve.grid(), 0.95 - 0.5 * np.sqrt(way))


@pytest.fixture(scope="module")
def measured():
    return [falling(curve) for curve in all_curves()]


def test_levels_lie_at_even_steps_of_the_score(measured):
    settings = table(measured)
    for name in DISTORTIONS:
        own = [m for m in measured if m.curve.distortion.name == name]
        scores = []
        for setting in settings[name]:
            (curve,) = [
                m for m in own
                if setting.parameter * m.curve.sweep.first > 0
                and set(m.curve.sweep.options) <= set(setting.options)
            ]  # fmt: skip
            order = np.argsort(curve.parameters)
            scores.append(
                np.interp(setting.parameter, curve.parameters[order], curve.scores[order])
            )
        if name != "compression":  # whole qualities
            np.testing.assert_allclose(np.diff(scores), np.diff(scores).mean(), atol=2e-3)
        assert (np.diff(scores) < 0).all()


def test_the_table_can_be_read_back(measured, tmp_path):
    path = tmp_path / "levels.yaml"
    path.write_text(to_yaml(table(measured), "made up\nfor a test"))
    back = load_levels(str(path))
    assert {name: list(rows) for name, rows in back.items()} == {
        name: [type(s)(s.parameter, s.unit, tuple(sorted(s.options))) for s in rows]
        for name, rows in table(measured).items()
    }
    assert all(len(set(rows)) == 20 for rows in back.values())


def test_the_plot_is_a_picture(measured):
    assert plot(measured, table(measured))[:4] == b"\x89PNG"


def test_scores_of_real_renderings_fall_along_every_curve(tmp_path):
    raw = tmp_path / "flower.dng"
    write_dng(bundled()["flower"](), raw, "flower")

    def psnr(reference, picture):
        error = np.mean((reference.astype(float) - picture) ** 2)
        return 1 - np.sqrt(error) / 255

    config = RenderConfig(long_edge=128, demosaic="linear", tone="neutral")
    for one in measure([raw], psnr, config):
        assert one.scores[0] > one.scores[-1]
        rank = np.argsort(np.argsort(-one.scores))
        assert np.corrcoef(rank, np.arange(len(rank)))[0, 1] > 0.9, one.curve


def test_an_empty_pilot_set_is_an_error():
    with pytest.raises(SeagullError, match="at least one RAW"):
        measure([], lambda a, b: 1.0, RenderConfig())
