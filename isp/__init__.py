"""RAW to pixels: an ISP that stands in for Lightroom. Imports only `manifests` of ours.

    raw/          a RAW file and what it says of itself: mosaic, levels, color, camera, noise
    distortions/  the distortions, each a value with its pure function, and their 6 x 20 levels
    development/  the order of development, recipes, the renderer (the door: renderer.py)
    tools/        photographs to RAW, calibration of levels, color check, XMP, what it costs

One direction: raw and distortions, then development, then tools. From Python: `isp.render(raw,
exposure=-1.5)` for one picture, `isp.develop(raw, recipes)` for many of the same RAW.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isp.development.one_raw import develop, render

__all__ = ["develop", "render"]


def __getattr__(name: str) -> Any:
    """Import a function when it is asked for: `import isp` alone loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'isp' has no attribute '{name}'")
    from isp.development import one_raw

    return getattr(one_raw, name)
