"""Simulated raters at the study's own pages: every answer goes over HTTP, as a browser's does."""

import hashlib
import http.client
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from annotation.simulation.votes_by_model import SimulatedRater, Truth, answers, seconds
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS

_WAIT_S = 60.0
WINDOW = {"window_width": 1920, "window_height": 1080}
SETUP = {**WINDOW, "pixel_ratio": 1, "browser_zoom": 1}


class Link:
    """One rater's link, on one connection that is kept."""

    def __init__(self, url: str, link: str) -> None:
        place = urlsplit(url)
        self.link = link
        self.connection = http.client.HTTPConnection(
            place.hostname or "127.0.0.1", place.port, timeout=_WAIT_S
        )

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET, or POST with a JSON body; SeagullError when the server refuses."""
        status, content = self.send(path, body)
        told: dict[str, Any] = json.loads(content) if content[:1] == b"{" else {}
        if status >= 400:
            raise SeagullError(f"{path}: {told.get('error', {}).get('message', status)}")
        return told

    def send(self, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, bytes]:
        """Status and content of an answer."""
        method = "GET" if body is None else "POST"
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self.connection.request(method, self.link + path, content, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def rate_all(
    url: str,
    links: Mapping[int, str],
    raters: Mapping[int, SimulatedRater],
    truths: Mapping[int, Truth],
    distortions: Sequence[str] = DISTORTIONS,
) -> int:
    """Let all raters do all they have to do, at the same time; returns the votes given."""
    with ThreadPoolExecutor(len(links)) as pool:
        futures = [
            pool.submit(rate, Link(url, links[n]), raters[n], truths, distortions) for n in links
        ]
        return sum(future.result() for future in futures)


def rate(
    link: Link,
    rater: SimulatedRater,
    truths: Mapping[int, Truth],
    distortions: Sequence[str] = DISTORTIONS,
) -> int:
    """Agree, set up, and answer until there is nothing left; returns the votes given."""
    link.ask("/consent", {})
    plates = {f"plate_{n}": "" for n in range(1, 5)}
    link.ask("/api/check", {**SETUP, "plates": plates})
    told, votes = link.ask("/api/next"), 0
    while told["state"] == "item":
        vote = vote_about(told, rater, truths[told["item"]], distortions)
        told = link.ask("/api/vote", vote)["next"]
        votes += 1
    link.connection.close()
    return votes


def vote_about(
    told: Mapping[str, Any],
    rater: SimulatedRater,
    truth: Truth,
    distortions: Sequence[str] = DISTORTIONS,
) -> dict[str, Any]:
    """The vote about an item that the server tells of: the same each time, its name too."""
    what = f"{told['item']} {told['position']}"
    name = hashlib.sha256(f"{rater.number} {what} {rater.seed}".encode()).hexdigest()[:32]
    return {
        "vote": name,
        "position": told["position"],
        "item": told["item"],
        "answers": answers(rater, truth, what, distortions),
        "seconds": seconds(rater, what),
        "zoom": 1.0,
        **WINDOW,
    }
