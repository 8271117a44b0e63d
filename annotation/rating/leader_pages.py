"""The leader's page: who is where, counts, agreement, screening; pause, revoke, re-plan, export.

Behind a secret of its own, kept in a cookie that no script and no other site can read.
"""

import io
import secrets
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from annotation.plan.schedule import Item
from annotation.screening.decisions import failures
from annotation.votes.replan import Replan, spend_best, take_over
from annotation.votes.results import Results, rater_name, results
from annotation.votes.vote_store import RaterRow, VoteStore
from annotation.web.templates import Templates
from manifests.config import Config
from manifests.ratings import Agreement, Estimate, Rater, Rating, ScreeningFigure
from manifests.tables import to_parquet

HERE = Path(__file__).parent
COOKIE = "seagull_leader"
_FRESH_S = 5.0  # tables are computed anew when older
TABLES: Mapping[str, type] = {
    "ratings": Rating,
    "estimates": Estimate,
    "raters": Rater,
    "screening": ScreeningFigure,
    "agreement": Agreement,
}


class LeaderPages:
    """The routes of one study's leader."""

    def __init__(self, store: VoteStore, items: Sequence[Item], config: Config) -> None:
        self.store, self.items, self.config = store, items, config
        self.templates = Templates(HERE / "pages")
        self.sessions: set[str] = set()
        self.lock = threading.Lock()
        self.known: tuple[float, Results] | None = None

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/leader", self.page),
            Route("/leader/login", self.login, methods=["POST"]),
            Route("/leader/rater", self.rater, methods=["POST"]),
            Route("/leader/plan", self.plan, methods=["POST"]),
            Route("/leader/export.zip", self.export),
        ]

    def is_leader(self, request: Request) -> bool:
        """Has this browser given the secret?"""
        return request.cookies.get(COOKIE, "") in self.sessions

    def require(self, request: Request) -> None:
        """403 for anyone else."""
        if not self.is_leader(request):
            raise HTTPException(403, "the leader's secret is needed; open /leader")

    async def login(self, request: Request) -> Response:
        """Take the secret; wrong ones cost a second each."""
        secret = str((await request.form()).get("secret", "")).strip()
        if not await run_in_threadpool(self.store.is_leader, secret):
            await run_in_threadpool(time.sleep, 1.0)
            return self.templates.page("login.html", 403, problem="This is not the secret.")
        session = secrets.token_urlsafe(24)
        self.sessions.add(session)
        answer = RedirectResponse("/leader", 303)
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", path="/leader")
        return answer

    def page(self, request: Request) -> Response:
        """The overview, or the question for the secret."""
        if not self.is_leader(request):
            return self.templates.page("login.html", problem="")
        return self._overview("", "")

    def _overview(self, message: str, link: str) -> Response:
        found = self.results()
        return self.templates.page(
            "leader.html",
            message=message,
            link=link,
            raters=[self._row(row, found) for row in self.store.raters()],
            counts=self._counts(found),
            wanted=self.config.study.ratings_per_roi,
            agreement=found.agreement,
            votes=len(found.ratings),
            simulated=self.store.about("raters") == "simulated",
        )

    def results(self) -> Results:
        """The tables as of now, or of some seconds ago."""
        with self.lock:
            if self.known is None or time.monotonic() - self.known[0] > _FRESH_S:
                self.known = (time.monotonic(), self._results())
            return self.known[1]

    def _results(self) -> Results:
        return results(
            self.store.votes(),
            self.items,
            self.store.raters(),
            self.config.study,
            self.store.about("raters"),
            self.store.distortions,
        )

    def _row(self, row: RaterRow, found: Results) -> dict[str, Any]:
        name = rater_name(row.rater)
        standing = self.store.standing(row.rater)
        figures = {f.check: f for f in found.screening if f.rater == name}
        (rater,) = [r for r in found.raters if r.rater == name]
        return {
            "number": row.rater,
            "name": name,
            "state": row.state,
            "decision": row.decision,
            "stage": _stage(row, standing.done, standing.total),
            "done": standing.done,
            "total": standing.total,
            "seen": "" if row.seen is None else _ago(time.time() - row.seen),
            "figures": figures,
            "needs": ", ".join(failures(list(figures.values())).get(name, [])),
            "setup": _setup(row.setup),
            "rater": rater,
        }

    def _counts(self, found: Results) -> dict[int, int]:
        """How many ROIs have so many valid ratings."""
        valid = Counter(
            (r.rendering_id, r.roi_id) for r in found.ratings if r.valid and not r.repeat
        )
        rois = [(i.rendering_id, i.roi_id) for i in self.items if i.kind == "roi"]
        return dict(sorted(Counter(valid[key] for key in rois).items()))

    async def rater(self, request: Request) -> Response:
        """Pause, resume, keep, leave out or renew one rater, as the form says."""
        self.require(request)
        form = await request.form()
        number, action = str(form.get("rater", "")), str(form.get("action", ""))
        known = {str(row.rater): row.rater for row in await run_in_threadpool(self.store.raters)}
        if number not in known or action not in self._actions():
            raise HTTPException(400, f"no such rater or action: {number:.20} {action:.20}")
        link = await run_in_threadpool(self._actions()[action], known[number])
        return await self._told(f"{rater_name(known[number])}: {action}", link or "")

    def _actions(self) -> dict[str, Callable[[int], str | None]]:
        store = self.store
        return {
            "pause": lambda rater: store.set_state(rater, "paused"),
            "resume": lambda rater: store.set_state(rater, "active"),
            "left the study": lambda rater: store.set_state(rater, "left"),
            "keep": lambda rater: store.decide(rater, "keep"),
            "leave out": lambda rater: store.decide(rater, "exclude"),
            "as screened": lambda rater: store.decide(rater, ""),
            "revoke link": lambda rater: store.revoke(rater),
            "new link": lambda rater: f"/r/{store.renew(rater)}",
        }

    async def plan(self, request: Request) -> Response:
        """Give missing ratings to others, or further votes to the ROIs that need them most."""
        self.require(request)
        form = await request.form()
        budget = str(form.get("votes", ""))
        if budget and not (budget.isdecimal() and int(budget) <= 10**6):
            raise HTTPException(400, f"votes must be a whole number, got {budget:.20}")
        made = await run_in_threadpool(self._replan, int(budget) if budget else None)
        text = f"{made.given} ratings given to raters"
        return await self._told(text + (f", {made.short} nobody can take" if made.short else ""))

    def _replan(self, budget: int | None) -> Replan:
        void = {int(r.rater[1:]) for r in self._results().raters if not r.valid}
        about = (self.store, self.items, self.config.study, self.config.seed)
        if budget is None:
            return take_over(*about, not_valid=void)
        return spend_best(*about, budget=budget, not_valid=void)

    async def _told(self, message: str, link: str = "") -> Response:
        with self.lock:
            self.known = None
        return await run_in_threadpool(self._overview, message, link)

    def export(self, request: Request) -> Response:
        """All tables as of now, as Parquet files in a zip."""
        self.require(request)
        found, sink = self._results(), io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            for name, record in TABLES.items():
                archive.writestr(f"{name}.parquet", to_parquet(getattr(found, name), record))
        name = "attachment; filename=study.zip"
        return Response(sink.getvalue(), 200, {"Content-Disposition": name}, "application/zip")


def _stage(row: RaterRow, done: int, total: int) -> str:
    if not row.consented:
        return "not begun"
    if row.setup is None:
        return "before the check"
    return "done" if done == total else "rating"


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "now"


def _setup(setup: dict[str, Any] | None) -> str:
    if setup is None:
        return ""
    text = f"{setup['window_width']:g} x {setup['window_height']:g}"
    zoom = setup["browser_zoom"]
    text += f", zoom {100 * zoom:.0f} %" if abs(zoom - 1) > 0.1 else ""
    return f"{text}, plates {setup['plates_right']}/{setup['plates']}"
