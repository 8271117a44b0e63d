"""SEAGULL-3k's format without people: simulated raters through the same server, over HTTP.

They open links, agree, are trained and answer, as browsers do; what they answer follows the scorer
and the levels of the mixed renderings (`annotation.simulation`). Every record says `simulated`.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from annotation.plan.schedule import Item
from annotation.plan.stratified import choose_rois
from annotation.plan.study_folder import StudyFolder
from annotation.rating.study_site import study_site
from annotation.simulation.http_raters import rate_all
from annotation.simulation.votes_by_model import SimulatedRater, Truth, simulated_rater
from annotation.votes.results import Results
from annotation.votes.vote_store import VoteStore
from annotation.web.serve import running
from labelers.engine.label_engine import described
from manifests.config import Config
from manifests.keys import WITHOUT
from manifests.records import Label, Rendering, Roi
from manifests.tables import read_records, write_records
from manifests.words import on_scale
from manifests.workspace import Workspace
from pipeline.dataset.card import quality_words
from pipeline.study.export_study import export_study
from pipeline.study.init_study import Rated, plan_study

_ESSENTIAL = 0.1  # of the scorer's scale: what the whole image loses when importance is 4


def simulate_study(folder: StudyFolder, config: Config, ledger: Workspace) -> Results:
    """Plan, serve, rate and export a study of the mixed renderings in the folder.

    `ledger` is the workspace that the folder lies in, whose records these are.
    """
    rated = _choose(folder, config)
    with tempfile.TemporaryDirectory() as private:  # simulated votes are worth no keeping
        votes = Path(private) / "votes.sqlite"
        plan_study(folder, rated, config, votes, "simulated", ledger)
        store = VoteStore(votes)
        try:
            links = _links(votes.with_name("links.txt"))
            with running(study_site(folder, store, config)) as url:
                rate_all(url, links, _raters(config), _truths(folder, config), store.distortions)
            return export_study(folder, store, config, ledger)
        finally:
            store.close()


def _choose(folder: StudyFolder, config: Config) -> list[Rated]:
    """Some ROIs of each rendering; the scene's table of ROIs holds those rated in any."""
    space, rated = folder.space, []
    for path in sorted(space.table("candidates").glob("*.parquet")):
        rois = read_records(path, Roi)
        used: set[str] = set()
        for image in read_records(space.table_file("renderings", path.stem), Rendering):
            seed = config.seed * 10**6 + image.level
            chosen = choose_rois(rois, config.study.rois_per_image, seed)
            used |= {roi.roi_id for roi in chosen}
            rated += [(image, roi) for roi in chosen]
        kept = [roi for roi in rois if roi.roi_id in used]
        write_records(space.table_file("rois", path.stem), kept, Roi)
    return rated


def _raters(config: Config) -> dict[int, SimulatedRater]:
    numbers = range(1, config.study.raters + 1)
    return {number: simulated_rater(number, config.seed) for number in numbers}


def _links(path: Path) -> dict[int, str]:
    rows = [line.split() for line in path.read_text().splitlines() if line.startswith("r")]
    return {int(name[1:]): link for name, link in rows}


def _truths(folder: StudyFolder, config: Config) -> dict[int, Truth]:
    """What there is to say about every item: by the scorer, or by what was done to a lesson.

    Quality is on the scale of the dataset's words, so that raters say all five of them.
    """
    space = folder.space
    labels = {(x.rendering_id, x.roi_id): x for x in read_records(space.table("truth"), Label)}
    done = {
        image.rendering_id: json.loads(image.params)["severities"]
        for image in read_records(space.table("renderings"), Rendering)
    }
    words = quality_words(described(config.labels))
    scale = (words["quality_words_top"], words["quality_words_scale"])
    return {item.item: _truth(item, labels, done, scale) for item in folder.read_items()}


def _truth(
    item: Item,
    labels: Mapping[tuple[str, str], Label],
    done: Mapping[str, Mapping[str, float]],
    scale: tuple[float, str],
) -> Truth:
    if item.kind != "roi":
        known: Mapping[str, int] = json.loads(item.known)
        return Truth(min([3.7, *(1.0 + s for s in known.values())]), 2.0, dict(known))
    label = labels[item.rendering_id, item.roi_id]
    seen = done[item.rendering_id] if label.distortion_label != WITHOUT else {}
    importance = 4 * min(label.importance / _ESSENTIAL, 1.0)
    return Truth(4 * on_scale(label.quality, *scale) / scale[0], importance, dict(seen))


def simulated_items(items: Sequence[Item]) -> int:
    """How many ROIs are rated; for the command's report."""
    return sum(item.kind == "roi" for item in items)
