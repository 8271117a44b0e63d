"""What a rater sees and sends, all below the personal link `/r/{token}`.

A link says nothing about other raters: images go by the rater's own positions, and golden items and
repeats look like any other item.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from annotation.plan.schedule import Assignment, Item
from annotation.plan.study_folder import StudyFolder
from annotation.rating.outline import outline_path
from annotation.votes.vote import SEVERITIES, parse_vote
from annotation.votes.vote_store import NotNowError, NotYoursError, RaterRow, Standing, VoteStore
from annotation.web.app import read_json
from annotation.web.templates import Templates
from manifests.config import StudyConfig
from manifests.records import Roi
from manifests.rle import decode
from manifests.words import IMPORTANCE_WORDS, NONEXISTENT, QUALITY_WORDS

HERE = Path(__file__).parent
ABOUT: Mapping[str, str] = {
    "exposure": "too dark or too bright; detail lost in black or white",
    "noise": "grain or colored specks where it should be smooth",
    "blur": "edges and texture soft, out of focus or smeared by motion",
    "contrast": "flat and grey, or harsh",
    "colorfulness": "pale colors, or colors far too strong",
    "compression": "blocks, ringing about edges, smeared texture",
}
_SETUP_KEYS = ("window_width", "window_height", "pixel_ratio", "browser_zoom")


class RaterPages:
    """The routes of one study's raters."""

    def __init__(
        self,
        folder: StudyFolder,
        store: VoteStore,
        items: Mapping[int, Item],
        rois: Mapping[str, Roi],
        config: StudyConfig,
        plates: Mapping[str, str],
    ) -> None:
        self.folder, self.store, self.items, self.rois = folder, store, items, rois
        self.config, self.plates = config, plates
        self.distortions = store.distortions
        self.templates = Templates(HERE / "pages")
        self.outline = lru_cache(maxsize=512)(self._outline)

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/r/{token}", self.page),
            Route("/r/{token}/consent", self.consent, methods=["POST"]),
            Route("/r/{token}/api/check", self.check, methods=["POST"]),
            Route("/r/{token}/api/next", self.next),
            Route("/r/{token}/api/vote", self.vote, methods=["POST"]),
            Route("/r/{token}/api/undo", self.undo, methods=["POST"]),
            Route("/r/{token}/image/{position:int}", self.image),
        ]

    def rater(self, request: Request) -> RaterRow:
        """Whose link it is; 404 for a token that does not exist."""
        found = self.store.rater_of(request.path_params["token"])
        if found is None:
            raise HTTPException(
                404, "this link opens nothing: it was replaced or mistyped; ask the study's leader"
            )
        return found

    def consented(self, request: Request) -> RaterRow:
        """The rater, who has agreed; 403 before that."""
        rater = self.rater(request)
        if not rater.consented:
            raise HTTPException(403, "open your link and read what the study is first")
        return rater

    def page(self, request: Request) -> Response:
        """Consent first, then the check, then the items."""
        rater = self.rater(request)
        if not rater.consented:
            return self.templates.page("consent.html", **self._instructions())
        if rater.setup is None:
            return self.templates.page("check.html", plates=sorted(self.plates))
        return self.templates.page(
            "rate.html",
            quality=QUALITY_WORDS,
            importance=IMPORTANCE_WORDS,
            severities=SEVERITIES,
            distortions=self.distortions,
            **self._instructions(),
        )

    def _instructions(self) -> dict[str, Any]:
        about = {name: ABOUT.get(name, "") for name in self.distortions}
        return {"about": about, "session_items": self.config.session_items}

    def consent(self, request: Request) -> Response:
        """The rater agrees; the page goes on."""
        self.store.consent(self.rater(request).rater)
        return RedirectResponse(f"/r/{request.path_params['token']}", 303)

    async def check(self, request: Request) -> Response:
        """Window, zoom and plates as the browser measured and the rater read them."""
        rater = await run_in_threadpool(self.rater, request)
        body = await read_json(request)
        setup = {key: _measure(body, key) for key in _SETUP_KEYS}
        given = body.get("plates")
        if not isinstance(given, dict) or set(given) != set(self.plates):
            raise HTTPException(400, f"plates must be answers to {', '.join(sorted(self.plates))}")
        right = sum(str(given[name]).strip() == digit for name, digit in self.plates.items())
        setup |= {"plates_right": right, "plates": len(self.plates)}
        await run_in_threadpool(self.store.set_up, rater.rater, setup)
        return JSONResponse({"plates_right": right, "plates": len(self.plates)})

    def next(self, request: Request) -> Response:
        """What comes next."""
        rater = self.consented(request)
        return JSONResponse(self._next(request, rater, self.store.standing(rater.rater)))

    async def vote(self, request: Request) -> Response:
        """Store a vote and say what comes next; the same vote again is the same answer."""
        rater = await run_in_threadpool(self.consented, request)
        vote = parse_vote(await read_json(request), self.distortions)
        try:
            standing = await run_in_threadpool(self.store.cast, rater.rater, vote)
        except NotYoursError as error:
            raise HTTPException(403, str(error)) from error
        except NotNowError as error:
            raise HTTPException(409, str(error)) from error
        answer: dict[str, Any] = {"saved": vote.vote, "next": self._next(request, rater, standing)}
        item = self.items[vote.item]
        if item.kind == "training":
            answer["feedback"] = feedback(json.loads(item.known), vote.answers, self.distortions)
        return JSONResponse(answer)

    async def undo(self, request: Request) -> Response:
        """Take the last vote back; its answers come along, to be changed."""
        rater = await run_in_threadpool(self.rater, request)
        name = str((await read_json(request)).get("vote", ""))
        try:
            standing, answers = await run_in_threadpool(self.store.undo, rater.rater, name)
        except NotNowError as error:
            raise HTTPException(409, str(error)) from error
        return JSONResponse({"answers": answers, "next": self._next(request, rater, standing)})

    def image(self, request: Request) -> Response:
        """The image at one of the rater's own positions."""
        rater = self.rater(request)
        turn = self.store.turn(rater.rater, request.path_params["position"])
        if turn is None:
            raise HTTPException(404, "there is no such item in your list")
        path = self.folder.root / self.items[turn.item].image
        return FileResponse(path, headers={"Cache-Control": "private, max-age=86400"})

    def _next(self, request: Request, rater: RaterRow, standing: Standing) -> dict[str, Any]:
        told = {
            "done": standing.done,
            "total": standing.total,
            "session_done": standing.session_done,
            "session_total": standing.session_total,
            "sessions": standing.sessions,
            "undo": standing.last_vote,
        }
        if standing.turn is None:
            return {"state": "done", **told}
        if rater.state != "active":
            return {"state": "paused", **told}
        base = f"/r/{request.path_params['token']}/image/"
        ahead = standing.ahead
        last = standing.last_session
        return {
            "state": "item",
            **self._item(standing.turn, base),
            "ahead": f"{base}{ahead.position}" if ahead else None,
            "break": last is not None and last != standing.turn.session,
            **told,
        }

    def _item(self, turn: Assignment, base: str) -> dict[str, Any]:
        item = self.items[turn.item]
        roi = self.rois[item.roi_id]
        return {
            "position": turn.position,
            "item": turn.item,
            "session": turn.session,
            "training": turn.purpose == "training",
            "image": f"{base}{turn.position}",
            "width": roi.width,
            "height": roi.height,
            "box": list(roi.bbox_xywh),
            "outline": self.outline(item.roi_id),
        }

    def _outline(self, roi_id: str) -> str:
        roi = self.rois[roi_id]
        return outline_path(decode(roi.rle, roi.height, roi.width))


def _measure(body: Mapping[str, Any], key: str) -> float:
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e5:
        raise HTTPException(400, f"{key} must be a number of pixels or a ratio, got {value!r:.40}")
    return round(float(value), 3)


def feedback(
    known: Mapping[str, int], answers: Mapping[str, int], distortions: Sequence[str]
) -> list[dict[str, str]]:
    """For each distortion what was done to a training item, what was said, how these compare."""
    rows = []
    for name in distortions:
        done, said = known.get(name, NONEXISTENT), answers[name]
        close = abs(done - said) <= 1
        rows.append(
            {
                "distortion": name,
                "done": SEVERITIES[done],
                "said": SEVERITIES[said],
                "verdict": "right" if done == said else "close" if close else "look again",
            }
        )
    return rows
