"""A rater's pages and the leader's, asked as a browser asks: what they give and refuse."""

import io
import json
import zipfile

import pandas as pd
import pytest
from starlette.testclient import TestClient

from annotation.rating.study_site import study_site
from annotation.simulation.http_raters import WINDOW
from manifests.ratings import questions

PLATES = {f"plate_{n}": str(n) for n in range(1, 5)}
SETUP = {**WINDOW, "pixel_ratio": 2, "browser_zoom": 1.0, "plates": PLATES}


@pytest.fixture
def client(planned):
    site = study_site(planned.folder, planned.store, planned.config)
    with TestClient(site, headers={"accept": "application/json"}) as client:
        yield client


def vote(told: dict, name: str, **changes) -> dict:
    answers = dict.fromkeys(questions(), 4)
    return {
        "vote": name, "position": told["position"], "item": told["item"], "answers": answers,
        "seconds": 4.2, "zoom": 0.5, **WINDOW,
    } | changes  # fmt: skip


def _begin(client, link: str) -> dict:
    assert client.post(f"{link}/consent", follow_redirects=False).status_code == 303
    assert client.post(f"{link}/api/check", json=SETUP).json()["plates_right"] == 4
    return client.get(f"{link}/api/next").json()


def test_consent_then_check_then_training_with_feedback_then_items(client, planned):
    link = planned.links[1]
    assert "take part" in client.get(link).text
    assert client.get(f"{link}/api/next").status_code == 403  # not before consent
    client.post(f"{link}/consent")
    assert "Color vision" in client.get(link).text
    told = _begin(client, link)
    page = client.get(link).text
    assert all(f'name="{question}"' in page for question in questions()) and "checked" not in page
    assert told["training"] and told["session"] == 0
    saved = client.post(f"{link}/api/vote", json=vote(told, "vote-0001")).json()
    assert {row["distortion"] for row in saved["feedback"]} == set(questions()[2:])
    assert all(row["verdict"] == "close" for row in saved["feedback"])  # trivial for nonexistent
    second = client.post(f"{link}/api/vote", json=vote(saved["next"], "vote-0002")).json()
    blur = next(row for row in second["feedback"] if row["distortion"] == "blur")
    assert blur == {"distortion": "blur", "done": "severe", "said": "trivial",
                    "verdict": "look again"}  # fmt: skip
    assert second["next"]["break"] and not second["next"]["training"]


def test_what_is_wrong_is_refused_in_words_and_nothing_is_stored(client, planned):
    link, other = planned.links[1], planned.links[2]
    told, hers = _begin(client, link), _begin(client, other)
    good = vote(told, "vote-0001")
    off = good["answers"] | {"quality": 5}
    wrong = [
        (good | {"answers": off}, 400, "quality must be a whole number 0 to 4"),
        (good | {"answers": good["answers"] | {"blur": 6}}, 400, "blur must be"),
        (good | {"answers": good["answers"] | {"blur": True}}, 400, "blur must be"),
        (good | {"answers": {"quality": 1}}, 400, "answers must be to all of"),
        (good | {"seconds": -1}, 400, "seconds must be"),
        (good | {"vote": "x"}, 400, "8 to 64"),
        ({**good, "more": 1}, 400, "more"),
        (good | {"item": told["item"] + 1}, 403, "not at this place"),
        (good | {"position": told["position"] + 1, "item": 0}, 403, "not at this place"),
    ]
    for body, status, text in wrong:
        answer = client.post(f"{link}/api/vote", json=body)
        assert answer.status_code == status and text in answer.json()["error"]["message"]
    later = planned.store.turn(1, told["position"] + 1)
    ahead = good | {"position": later.position, "item": later.item}
    assert client.post(f"{link}/api/vote", json=ahead).status_code == 409
    assert client.post(f"{link}/api/vote", content=b"x" * 10**6).status_code == 413
    assert client.post("/r/nobody/api/vote", json=good).status_code == 404
    assert client.get("/r/nobody").status_code == 404
    assert planned.store.votes() == []
    assert client.post(f"{other}/api/vote", json=vote(hers, "vote-0002")).status_code == 200


def test_a_link_gives_only_its_own_images_and_tells_nothing_of_others(client, planned):
    link = planned.links[1]
    told = _begin(client, link)
    image = client.get(told["image"])
    assert image.headers["content-type"] == "image/png"
    last = max(t.position for t in planned.turns if t.rater == 1)
    assert client.get(f"{link}/image/{last + 1}").status_code == 404
    for position in range(last):  # golden items and repeats look like any other
        told = client.get(f"{link}/api/next").json()
        assert set(told) == set(client.get(f"{link}/api/next").json())
        text = json.dumps(told)
        assert "golden" not in text and "repeat" not in text and "lesson" not in text
        body = vote(told, f"vote-{position:04d}")
        assert client.post(f"{link}/api/vote", json=body).status_code == 200


def test_paused_rater_loses_nothing_and_goes_on_later(client, planned):
    link = planned.links[3]
    told = _begin(client, link)
    planned.store.set_state(3, "paused")
    assert client.get(f"{link}/api/next").json()["state"] == "paused"
    refused = client.post(f"{link}/api/vote", json=vote(told, "vote-0001"))
    assert refused.status_code == 409 and "paused" in refused.json()["error"]["message"]
    planned.store.set_state(3, "active")
    assert client.post(f"{link}/api/vote", json=vote(told, "vote-0001")).status_code == 200


def _lead(client, planned) -> None:
    answer = client.post("/leader/login", data={"secret": planned.secret}, follow_redirects=False)
    assert answer.status_code == 303 and "httponly" in answer.headers["set-cookie"].lower()


def test_the_leaders_page_has_its_own_secret(client, planned, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert client.get("/leader/export.zip").status_code == 403
    token = planned.links[1].removeprefix("/r/")
    for wrong in ("", "x", token):
        assert client.post("/leader/login", data={"secret": wrong}).status_code == 403
    assert "r01" not in client.get("/leader").text
    _lead(client, planned)
    page = client.get("/leader").text
    assert "r01" in page and planned.secret not in page and token not in page


def test_the_leader_pauses_renews_replans_and_exports(client, planned):
    told = _begin(client, planned.links[1])
    for n in range(8):
        body = vote(told, f"vote-{n:04d}")
        told = client.post(f"{planned.links[1]}/api/vote", json=body).json()["next"]
    _lead(client, planned)
    act = "/leader/rater"
    assert "pause" in client.post(act, data={"rater": "1", "action": "pause"}).text
    assert client.get(f"{planned.links[1]}/api/next").json()["state"] == "paused"
    renewed = client.post(act, data={"rater": "2", "action": "new link"}).text
    assert "/r/" in renewed and client.get(planned.links[2]).status_code == 404
    assert client.post(act, data={"rater": "9", "action": "pause"}).status_code == 400
    client.post(act, data={"rater": "1", "action": "left the study"})
    assert "ratings given to raters" in client.post("/leader/plan", data={}).text
    archive = zipfile.ZipFile(io.BytesIO(client.get("/leader/export.zip").content))
    assert set(archive.namelist()) == {
        f"{name}.parquet" for name in ("ratings", "estimates", "raters", "screening", "agreement")
    }
    ratings = pd.read_parquet(io.BytesIO(archive.read("ratings.parquet")))
    assert set(ratings.rater) == {"r01"} and (ratings.quality == 4).all()
