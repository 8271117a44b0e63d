"""An application on a socket: loopback unless asked for more, a clean end on SIGINT and SIGTERM."""

import ipaddress
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from manifests.errors import SeagullError

_IDLE_S = 30  # a connection that says nothing is closed
_LEAVE_S = 5  # for answers under way when the server ends
_CONNECTIONS = 512  # more are answered with 503
_START_S = 30.0


def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 8000,
    beyond_loopback: bool = False,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve until SIGINT or SIGTERM, then end the answers under way and return.

    Args:
        app: what `make_app` made.
        host: an address of this machine.
        port: 0 for any free one.
        beyond_loopback: must be true for a host that others can reach.
        ready: told the address, such as `http://127.0.0.1:8000`, once connections are taken.

    Raises:
        SeagullError: the host is not loopback and that was not asked for; the port is in use.
    """
    with bind(host, port, beyond_loopback) as bound:
        server = _server(app)
        previous = _end_quietly()
        try:
            ready(address(bound))
            server.run(sockets=[bound])
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def bind(host: str, port: int, beyond_loopback: bool = False) -> socket.socket:
    """A listening socket; raises as `serve`."""
    if not beyond_loopback and not _is_loopback(host):
        raise SeagullError(
            f"--host {host} can be reached from other machines; say so with --beyond-loopback, or"
            " keep 127.0.0.1 and forward the port (ssh -L)"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(_CONNECTIONS)
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise SeagullError(
            f"cannot listen on {host} port {port}: {reason}; choose another with --port"
        ) from error
    return bound


def address(bound: socket.socket) -> str:
    """`http://host:port` of a listening socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _server(app: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="auto",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_LEAVE_S,
            limit_concurrency=_CONNECTIONS,
        )
    )


def _end_quietly() -> dict[int, Any]:
    """Uvicorn raises the signal again once it has ended: here that is the end of `serve`."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {n: signal.signal(n, _nothing) for n in (signal.SIGINT, signal.SIGTERM)}


def _nothing(number: int, frame: object) -> None:
    """The server has ended; there is nothing more to do."""


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve on a free port of loopback from a thread while the block lasts; gives the address."""
    with bind("127.0.0.1", 0) as bound:
        server = _server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        limit = time.monotonic() + _START_S
        while not server.started and thread.is_alive() and time.monotonic() < limit:
            time.sleep(0.01)
        if not server.started:
            raise SeagullError("the server did not start")
        try:
            yield address(bound)
        finally:
            server.should_exit = True
            thread.join(_START_S)
