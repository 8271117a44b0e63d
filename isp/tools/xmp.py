"""XMP sidecars: the same sliders for Camera Raw and Lightroom, so that a setting can be compared.

Names and ranges are Camera Raw's since process version 2012. Adobe's curves are not public: the
same number is Lightroom-like, not the same picture. Noise, blur and compression have no slider.
"""

from xml.sax.saxutils import quoteattr

from isp.development.recipes import Recipe
from isp.distortions.all_distortions import known_distortions
from isp.distortions.distortion import Slider

_PROCESS_VERSION = "11.0"

_SIDECAR = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
    {settings}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""


def sidecar(recipe: Recipe) -> str | None:
    """Write `{raw stem}.xmp` for a recipe; None where a step has no slider or exceeds its range.

    The reference has all sliders at zero.
    """
    sliders = {one.name: one.slider for one in known_distortions() if one.slider}
    values = dict.fromkeys(sliders, 0.0) | {s.distortion: s.parameter for s in recipe.steps}
    if any(name not in sliders or abs(v) > sliders[name].limit for name, v in values.items()):
        return None
    settings = {"ProcessVersion": _PROCESS_VERSION, "HasSettings": "True"}
    settings |= {sliders[name].name: _number(sliders[name], v) for name, v in values.items()}
    lines = [f"crs:{key}={quoteattr(value)}" for key, value in settings.items()]
    return _SIDECAR.format(settings="\n    ".join(lines))


def _number(slider: Slider, value: float) -> str:
    """Write it as Camera Raw does: signed unless 0; exposure has two decimals, the others none."""
    text = f"{round(value, slider.decimals):+.{slider.decimals}f}"
    return text if float(text) else text.lstrip("+-")
