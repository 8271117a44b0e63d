"""Middlewares that stand before every page: headers, the size of a body, the site it comes from.

Pure ASGI: a body is counted as it arrives and never held twice.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data: blob:; style-src 'self';"
    " script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a form of our own is sent as Origin: null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""No other host, no inline script or style, no frame, no address told to others."""

MEBIBYTE = 2**20
_DRAINED = 256 * MEBIBYTE  # of a body too large: read and dropped, so that the answer is heard
_DRAIN_S = 30.0


class SecurityHeaders:
    """Adds `HEADERS`, and `no-store` where a page says nothing about caching."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; headers are added as the answer begins."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses a body of more than `limit` bytes with 413, told or counted."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app, self.limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or int(told) > self.limit:
            await self._refuse(receive, {"more_body": True})
        await self.app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self.limit:
                await self._refuse(receive, message)
            return message

        return counted

    async def _refuse(self, receive: Receive, last: Message) -> None:
        await _drain(receive, last)
        raise HTTPException(413, f"the body is larger than {self.limit:,} bytes")


async def _drain(receive: Receive, last: Message) -> None:
    dropped = 0
    try:
        async with asyncio.timeout(_DRAIN_S):
            while last.get("more_body") and dropped < _DRAINED:
                last = await receive()
                dropped += len(last.get("body", b""))
    except TimeoutError:
        return


class SameSite:
    """Refuses a request that changes something and says that it comes from another site."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A browser names the site a POST comes from; a script of one's own names none."""
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host"):
                raise HTTPException(403, f"a page of {origin} may not change anything here")
        await self.app(scope, receive, send)
