from xml.etree import ElementTree

from isp.development.recipes import REFERENCE, Recipe, Step, recipes
from isp.tools.xmp import sidecar
from manifests.config import RenderConfig

CRS = "{http://ns.adobe.com/camera-raw-settings/1.0/}"


def settings(text):
    root = ElementTree.fromstring(text)
    (description,) = root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    return {k.removeprefix(CRS): v for k, v in description.attrib.items() if k.startswith(CRS)}


def test_three_types_have_a_sidecar_and_three_have_none():
    with_sidecar = {r.distortion for r in recipes(RenderConfig()) if sidecar(r) is not None}
    assert with_sidecar == {"none", "exposure", "contrast", "colorfulness"}


def test_camera_raws_names_ranges_and_signs():
    steps = (Step("exposure", -1.256, "EV"), Step("colorfulness", 40.4, "percent"))
    told = settings(sidecar(Recipe("mixed", 1, steps)))
    assert told["Exposure2012"] == "-1.26"
    assert told["Saturation"] == "+40"
    assert told["Contrast2012"] == "0"
    assert float(told["ProcessVersion"]) >= 6.7  # process version 2012 and later
    assert settings(sidecar(REFERENCE))["Exposure2012"] == "0.00"


def test_what_a_slider_cannot_say_has_no_sidecar():
    assert sidecar(Recipe("exposure", 1, (Step("exposure", 5.5, "EV"),))) is None
    mixed = (Step("exposure", 1, "EV"), Step("blur", 1, "px"))
    assert sidecar(Recipe("mixed", 1, mixed)) is None
