"""One writer a workspace in a store: an object `.lock.json` that its holder renews.

It is made on the condition that there is none (S3: If-None-Match; other stores their own), so that
of two who come at once one is refused. A holder that is killed cannot remove it: it lapses LEASE_S
after its last renewal, by the clocks of the two hosts, or at once for a process of this host that
is gone. A holder that could not renew in time, and was taken for dead, writes nothing more
than what is under way: before every change it looks whether the lease is still its own. A store
that ignores the condition lets two in who come within moments of one another; each reads back what
it wrote, and one of them gives way. What two writers could do at worst is work twice: every object
is whole, made of the same input, and its record comes last.
"""

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psutil

from manifests.errors import MachineError, SeagullError
from pipeline.store.object_store import ObjectStore

LEASE_S, RENEWED_S = 120.0, 30.0
RELEASED_S = 2.0  # a store that is gone holds nobody up: the lease lapses
NAME = ".lock.json"


class StoreLock:
    """The lease; `check` raises when it is another's."""

    def __init__(self, store: ObjectStore, me: dict[str, Any]) -> None:
        self.store, self.me = store, me | {"token": secrets.token_hex(16)}
        self.lost = ""
        self.ended = threading.Event()

    def take(self) -> None:
        """Take the lease.

        Raises:
            SeagullError: another holds it; the message says who.
            PermissionError: the store may not be written.
        """
        for _ in range(2):
            made = self.store.create(NAME, self._content())
            holder = self._holder()
            if made and self._is_mine(holder):
                return
            if holder and not _lapsed(holder):
                raise SeagullError(_held(self.store, holder))
            if holder is not None:  # it lapsed; where there is none, another may come meanwhile
                self.store.remove(NAME)
        raise SeagullError(_held(self.store, {}))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease that was taken, within the block, and give it up after it."""
        renewing = threading.Thread(target=self._renew, daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self.ended.set()
            renewing.join(RELEASED_S)
            self.store = replace(self.store, patience_s=RELEASED_S)
            with suppress(OSError, SeagullError):
                if self._is_mine(self._holder()):
                    self.store.remove(NAME)

    def check(self) -> None:
        """Let a change of the workspace through; raises MachineError where the lease is lost."""
        if self.lost:
            raise MachineError(self.lost)

    def _content(self) -> bytes:
        return (json.dumps(self.me | {"renewed": time.time()}) + "\n").encode()

    def _holder(self) -> dict[str, Any] | None:
        """Who holds it; None: nobody; empty: what no holder wrote."""
        try:
            holder = json.loads(self.store.read(NAME))
        except FileNotFoundError:
            return None
        except ValueError:
            return {}
        return holder if isinstance(holder, dict) else {}

    def _is_mine(self, holder: dict[str, Any] | None) -> bool:
        return holder is not None and holder.get("token") == self.me["token"]

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self.ended.wait(RENEWED_S):
            try:
                if not self._is_mine(self._holder()):
                    self.lost = f"{self.store.url} was taken over by another run; this one ends"
                    return
                self.store.write(NAME, self._content())
                renewed = time.monotonic()
            except (OSError, SeagullError) as error:
                if time.monotonic() - renewed > LEASE_S:
                    self.lost = f"{self.store.url}: the lock could not be renewed: {error}"
                    return


def _lapsed(holder: dict[str, Any]) -> bool:
    try:
        here = holder["host"] == socket.gethostname()
        dead = here and not _runs(int(holder["pid"]))
        return dead or time.time() - float(holder["renewed"]) > LEASE_S
    except (KeyError, ValueError, TypeError):
        return True  # not written by us


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _held(store: ObjectStore, holder: dict[str, Any]) -> str:
    try:
        who = "process {pid} on {host} since {since}: {command}".format(**holder)
        last = datetime.fromtimestamp(float(holder["renewed"]), UTC).isoformat(" ", "seconds")
        who += f"; it said so last at {last}, and lapses {LEASE_S:.0f} s after that"
    except (KeyError, ValueError, TypeError):
        who = "another process, which has not yet said who it is"
    return f"{store.url} is in use by {who}; wait for it to end, or stop it, and run the same again"
