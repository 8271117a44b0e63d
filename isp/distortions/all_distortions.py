"""The distortions there are: the paper's six in its order, then those of users' own packages.

A package adds one by an entry point: `[project.entry-points."seagull.distortions"]`,
`sharpening = "my_package:SHARPENING"`, whose value is a `Distortion`. It is rendered once a levels
table (`render.levels`) has its section.
"""

from functools import lru_cache
from importlib.metadata import entry_points

from isp.distortions.blur import BLUR
from isp.distortions.colorfulness import COLORFULNESS
from isp.distortions.compression import COMPRESSION
from isp.distortions.contrast import CONTRAST
from isp.distortions.distortion import Distortion
from isp.distortions.exposure import EXPOSURE
from isp.distortions.noise import NOISE
from manifests.errors import SeagullError
from manifests.plugins import load_plugin

DISTORTIONS: tuple[Distortion, ...] = (
    EXPOSURE, NOISE, BLUR, CONTRAST, COLORFULNESS, COMPRESSION,
)  # fmt: skip
GROUP = "seagull.distortions"


@lru_cache(maxsize=1)
def known_distortions() -> tuple[Distortion, ...]:
    """List `DISTORTIONS`, then those of entry points by name.

    Raises:
        SeagullError: an entry point cannot be imported, is none, or has a name that is taken.
    """
    known = {one.name: one for one in DISTORTIONS}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        one = load_plugin(entry, Distortion)
        if one.name in known:
            raise SeagullError(f"{GROUP}: {entry.value} takes the name {one.name} once more")
        known[one.name] = one
    return tuple(known.values())


def distortion_by_name(name: str) -> Distortion:
    """Return the distortion called `name`.

    Raises:
        SeagullError: there is none.
    """
    for one in known_distortions():
        if one.name == name:
            return one
    names = ", ".join(one.name for one in known_distortions())
    raise SeagullError(f"'{name}' is none of {names}")
