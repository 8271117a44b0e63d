"""Explore: a wall of scenes, a scene through its distortions and levels, what failed.

Lists are pages: a filter by label reads one scene after another, for a while, and says where to go
on.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from annotation.web.templates import Templates
from manifests.keys import LEVELS, NO_DISTORTION, WITHOUT, in_order
from manifests.records import Rendering
from manifests.words import QUALITY_WORDS
from pipeline.pages.scene_records import SceneEntry, Source
from pipeline.pages.scene_view import first_shown, quality_word, scene_view, thumbnail

HERE = Path(__file__).parent
_AT_ONCE = 60  # scenes of one answer
_PATIENCE_S = 0.5  # of one answer, when a filter leaves most scenes out
_FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # the address has the hash
LABELS = {"with": "a ROI with a distortion", WITHOUT: "a ROI without distortions"} | {
    word: f"a ROI of {word} quality" for word in QUALITY_WORDS
}


class Explore:
    """The routes of one dataset."""

    def __init__(self, source: Source, nav: dict[str, str]) -> None:
        self.source = source
        self.templates = Templates(HERE / "static")
        self.nav = nav

    def routes(self) -> list[Route]:
        """For `make_app`."""
        return [
            Route("/explore", self._wall),
            Route("/explore/failures", self._failures),
            Route("/explore/scene/{scene}", self._scene),
            Route("/explore/api/scenes", self._scenes),
            Route("/explore/api/choices", self._choices),
            Route("/explore/api/scene/{scene}", self._content),
            Route("/explore/api/image/{scene}/{rendering}", self._image),
            Route("/explore/api/thumbnail/{scene}/{rendering}", self._thumbnail),
        ]

    def _wall(self, _: Request) -> Response:
        return self._page(
            "explore.html", distortions=self._distortions(), levels=LEVELS, labels=LABELS,
            count=len(self.source.scenes(False)), failures=len(self.source.failures()),
        )  # fmt: skip

    def _distortions(self) -> tuple[str, ...]:
        """Those of the first scene: all scenes of a dataset have the same."""
        rows = self._renderings(self.source.scenes(False)[0].scene_id)
        return in_order(row.distortion for row in rows if row.distortion != NO_DISTORTION)

    def _failures(self, _: Request) -> Response:
        return self._page("failures.html", failures=self.source.failures())

    def _scene(self, request: Request) -> Response:
        scene = request.path_params["scene"]
        if all(entry.scene_id != scene for entry in self.source.scenes(False)):
            raise HTTPException(404, f"there is no scene '{scene}' in {self.source.name}")
        return self._page("scene.html", scene=scene)

    def _page(self, name: str, **values: Any) -> Response:
        return self.templates.page(name, nav=self.nav, dataset=self.source.name, **values)

    def _choices(self, _: Request) -> Response:
        """Splits and cameras, once every scene's row is read."""
        entries = self.source.scenes(True)
        return JSONResponse(
            {
                "splits": sorted({e.split for e in entries if e.split}),
                "cameras": sorted({e.camera for e in entries if e.camera}),
            }
        )

    def _scenes(self, request: Request) -> Response:
        asked = request.query_params
        start, level = _number(asked.get("from", "0")), _number(asked.get("level", "0"))
        wanted = {k: asked[k] for k in ("split", "camera") if asked.get(k)}
        entries = [
            e
            for e in self.source.scenes(bool(wanted))
            if all(getattr(e, key) == value for key, value in wanted.items())
        ]
        shown = (asked.get("distortion", ""), level, asked.get("label", ""))
        found, stop = self._some(entries, start, *shown)
        following = stop if stop < len(entries) else None
        return JSONResponse({"scenes": found, "next": following, "of": len(entries)})

    def _some(
        self, entries: Sequence[SceneEntry], start: int, distortion: str, level: int, label: str
    ) -> tuple[list[dict[str, Any]], int]:
        """Scenes from `start` on that fit, and where to go on."""
        until, found = time.monotonic() + _PATIENCE_S, []
        stop = start
        for entry in entries[start:]:
            stop += 1
            found += list(self._tile(entry, distortion, level, label))
            if len(found) == _AT_ONCE or time.monotonic() > until:
                break
        return found, stop

    def _tile(
        self, entry: SceneEntry, distortion: str, level: int, label: str
    ) -> Iterator[dict[str, Any]]:
        """The scene's tile, or nothing where it has no such rendering or label."""
        tile = {"scene_id": entry.scene_id, "split": entry.split, "camera": entry.camera}
        if not label:  # its picture is looked up when it comes into view
            yield tile
            return
        row = first_shown(self._renderings(entry.scene_id), distortion, level)
        if row is not None and self._has(row, label):
            yield tile

    def _renderings(self, scene: str) -> Sequence[Rendering]:
        return self.source.content(scene).renderings

    def _has(self, row: Rendering, label: str) -> bool:
        said = self.source.said_of(row.scene_id, row.rendering_id)
        if label in QUALITY_WORDS:
            top = self.source.tops()[0]
            return any(quality_word(one.quality, top) == label for one in said)
        return any((one.label == WITHOUT) == (label == WITHOUT) for one in said)

    def _content(self, request: Request) -> Response:
        scene, entries = request.path_params["scene"], self.source.scenes(False)
        view = scene_view(self.source.content(scene), self.source.tops())
        names = [entry.scene_id for entry in entries]
        at = names.index(scene)
        view["before"] = names[at - 1] if at else None
        view["after"] = names[at + 1] if at + 1 < len(names) else None
        return JSONResponse(view)

    def _image(self, request: Request) -> Response:
        scene, rendering = request.path_params["scene"], request.path_params["rendering"]
        content = self.source.image(scene, rendering)
        kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
        return Response(content, media_type=kind, headers=_FOR_EVER)

    def _thumbnail(self, request: Request) -> Response:
        """The small picture of a scene in one rendering: `none-0` is the reference."""
        scene, shown = request.path_params["scene"], request.path_params["rendering"]
        distortion, _, level = shown.rpartition("-")
        rows = self._renderings(scene)
        row = first_shown(rows, distortion or NO_DISTORTION, _number(level))
        if row is None:
            raise HTTPException(404, f"scene {scene} has no rendering {shown}")
        content = self.source.image(scene, row.rendering_id)
        small = thumbnail(content, row.rendering_id)
        return Response(small, media_type="image/jpeg", headers={"Cache-Control": "no-cache"})


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise HTTPException(400, f"'{text[:40]}' is no number")
    return int(text)
