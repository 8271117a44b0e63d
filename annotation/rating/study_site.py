"""A planned study as an application: raters' pages, the leader's page, pictures of the lessons."""

import json
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from annotation.plan.study_folder import StudyFolder
from annotation.rating.leader_pages import LeaderPages
from annotation.rating.rater_pages import HERE, RaterPages
from annotation.votes.vote_store import VoteStore
from annotation.web.app import LOOPBACK_NAMES, make_app
from annotation.web.templates import Templates
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.records import Roi
from manifests.tables import read_records

_BODY = 64 * 1024  # a vote is under 1 kB


def study_site(
    folder: StudyFolder, store: VoteStore, config: Config, hosts: Sequence[str] = LOOPBACK_NAMES
) -> Starlette:
    """The application of one study; `store` stays open and its owner's to close.

    Raises:
        SeagullError: the folder holds no plan, or its parts do not fit together.
    """
    items = folder.read_items()
    rois = {roi.roi_id: roi for roi in read_records(folder.space.table("rois"), Roi)}
    rois |= {roi.roi_id: roi for roi in read_records(folder.lesson_rois, Roi)}
    lost = [item.roi_id for item in items if item.roi_id not in rois]
    if lost:
        raise SeagullError(f"{folder.root}: the plan names ROI {lost[0]}, which is in no table")
    plates = json.loads((folder.root / "lessons" / "plates.json").read_text())
    by_number = {item.item: item for item in items}
    raters = RaterPages(folder, store, by_number, rois, config.study, plates)
    leader = LeaderPages(store, items, config)
    static = {"rating": HERE / "static", "lessons": folder.pictures}
    routes = [Route("/", _home), *raters.routes(), *leader.routes()]
    return make_app(routes, static, _BODY, hosts)


def _home(_: Request) -> Response:
    return Templates(HERE / "pages").page("home.html")
