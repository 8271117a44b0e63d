"""Camera Raw sidecars of the settings that have a slider, for every scene of a workspace."""

from isp.development.recipes import recipes
from isp.tools.xmp import sidecar
from manifests.config import Config
from manifests.files import write_atomic
from manifests.keys import image_stem
from manifests.workspace import Workspace
from pipeline.intake.sources import known_sources


def write_sidecars(workspace: Workspace, config: Config) -> int:
    """Write `xmp/{scene_id}/{ref,distortion_NN}.xmp`; returns how many."""
    settings = [(image_stem(r.distortion, r.level), sidecar(r)) for r in recipes(config.render)]
    texts = [(stem, text) for stem, text in settings if text]
    sources = known_sources(workspace)
    for source in sources:
        for stem, text in texts:
            write_atomic(workspace.xmp / source.scene_id / f"{stem}.xmp", text)
    return len(texts) * len(sources)
