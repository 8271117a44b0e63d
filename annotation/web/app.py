"""Routes to an application that is safe to leave running: the one way in for every page here.

    app = make_app([Route("/", home)], static={"rating": Path("rating/static")})

What goes wrong is `{"error": {"status": 404, "message": "..."}}` below an /api/ or for whoever asks
for JSON, and a page for people elsewhere. A `SeagullError` is told to who made it (400); a defect
is logged, answered with 500, and the server lives on.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from annotation.web.guards import MEBIBYTE, BodyLimit, SameSite, SecurityHeaders
from annotation.web.templates import HERE, Templates
from manifests.errors import SeagullError

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]", "::1", "testserver")
_LOG = logging.getLogger("seagull.web")


def make_app(
    routes: Sequence[BaseRoute],
    static: Mapping[str, Path] | None = None,
    body_limit: int = MEBIBYTE,
    hosts: Sequence[str] = LOOPBACK_NAMES,
    **options: Any,
) -> Starlette:
    """An application of these routes, with all that `annotation.web` guards against.

    Args:
        routes: of Starlette.
        static: folders served as `/static/{name}/...`; `/static/look.css` is always there.
        body_limit: bytes; a larger body is answered with 413.
        hosts: names the server may be called by; `["*"]` for any (another site's name that
            resolves to loopback must not reach a page that trusts loopback).
        options: of Starlette, such as `lifespan`.
    """
    folders = [
        Mount(f"/static/{name}", StaticFiles(directory=folder))
        for name, folder in (static or {}).items()
    ]
    middleware = [
        Middleware(SecurityHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False),
        Middleware(_Errors),
        Middleware(SameSite),
        Middleware(BodyLimit, limit=body_limit),
    ]
    return Starlette(
        routes=[*routes, Route("/static/look.css", _look), *folders],
        middleware=middleware,
        exception_handlers={HTTPException: _told},
        **options,
    )


async def read_json(request: Request) -> dict[str, Any]:
    """The body as a JSON object; 415 or 400 where it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/json":
        raise HTTPException(415, "expected a body of application/json")
    try:
        value = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "expected a JSON object")
    return value


def _look(_: Request) -> Response:
    return FileResponse(HERE / "look.css", headers={"Cache-Control": "no-cache"})


class _Errors:
    """What the layers below raise becomes an answer, unless one has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer what comes back as an exception."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            await answer_error(Request(scope), error)(scope, receive, send)


def _told(request: Request, error: Exception) -> Response:
    return answer_error(request, error)


def answer_error(request: Request, error: Exception) -> Response:
    """The answer for an exception: JSON for programs, a page for people."""
    status, message, headers = _meaning(error)
    path, accept = request.url.path, request.headers.get("accept", "")
    if "/api/" in path or accept.startswith("application/json"):
        return JSONResponse({"error": {"status": status, "message": message}}, status, headers)
    title = HTTPStatus(status).phrase
    page = Templates().page("error.html", status, title=title, number=status, message=message)
    page.headers.update(headers)
    return page


def _meaning(error: Exception) -> tuple[int, str, Mapping[str, str]]:
    if isinstance(error, HTTPException):
        return error.status_code, error.detail, error.headers or {}
    if isinstance(error, SeagullError):
        return 400, str(error), {}
    _LOG.error("a defect", exc_info=error)
    return 500, "something went wrong here; nothing that was acknowledged is lost", {}
