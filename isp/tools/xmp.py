"""XMP sidecars: the same sliders for Camera Raw and Lightroom, so that a setting can be compared.

Names and ranges are Camera Raw's since process version 2012. Adobe's curves are not public: the
same number is Lightroom-like, not the same picture. Noise, blur and compression have no slider.
"""

from xml.sax.saxutils import quoteattr

from isp.development.recipes import Recipe

_SLIDERS = {"exposure": "Exposure2012", "contrast": "Contrast2012", "colorfulness": "Saturation"}
_RANGES = {"exposure": 5.0, "contrast": 100.0, "colorfulness": 100.0}
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

    The reference has all three sliders at zero.
    """
    if any(_inexpressible(step.distortion, step.parameter) for step in recipe.steps):
        return None
    values = dict.fromkeys(_SLIDERS, 0.0)
    values.update({step.distortion: step.parameter for step in recipe.steps})
    settings = {"ProcessVersion": _PROCESS_VERSION, "HasSettings": "True"}
    settings |= {_SLIDERS[name]: _number(name, value) for name, value in values.items()}
    lines = [f"crs:{key}={quoteattr(value)}" for key, value in settings.items()]
    return _SIDECAR.format(settings="\n    ".join(lines))


def _inexpressible(distortion: str, parameter: float) -> bool:
    return distortion not in _SLIDERS or abs(parameter) > _RANGES[distortion]


def _number(distortion: str, value: float) -> str:
    """As Camera Raw writes it: exposure with two decimals, the others whole, signed unless 0."""
    text = f"{value:+.2f}" if distortion == "exposure" else f"{round(value):+d}"
    return text if float(text) else text.lstrip("+")
