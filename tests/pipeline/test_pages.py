"""The pages over HTTP, as a browser would ask: Starlette's own client, no socket."""

import dataclasses
import io
import json
import shutil
import signal
import subprocess
import sys
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from starlette.testclient import TestClient

from manifests.errors import SeagullError
from manifests.files import sha256_of
from manifests.images import encode_png
from manifests.keys import DISTORTIONS
from manifests.presets import load_config
from manifests.records import Failure, Rendering, Roi, Scene
from manifests.rle import decode, encode
from manifests.tables import read_records, write_records
from manifests.workspace import Workspace
from pipeline.cli.main import seagull
from pipeline.pages.pages_app import pages_app
from pipeline.pages.scene_view import outline
from pipeline.run.failures import write_failure

MARKUP = "<img src=x onerror=alert(1)>"


def client_of(folder, model=None) -> TestClient:
    config = load_config(str(folder / "config.yaml")) if (folder / "config.yaml").exists() else None
    return TestClient(pages_app(Workspace(folder), model, config or load_config("demo")))


@pytest.fixture(scope="module")
def client(trained) -> TestClient:
    with TestClient(
        pages_app(Workspace(trained), None, load_config(str(trained / "config.yaml")))
    ) as opened:
        yield opened


@pytest.fixture
def photo(client, tiny_raw):
    """A photograph opened on the page."""
    from isp.tools.photographs import bundled

    image = cv2.resize(bundled()["coffee"](), (300, 200), interpolation=cv2.INTER_AREA)
    reply = client.post("/ask/api/photos?name=coffee.png", content=encode_png(image))
    assert reply.json() == {"id": reply.json()["id"], "name": "coffee.png", "width": 300,
                            "height": 200}  # fmt: skip
    return f"/ask/api/photos/{reply.json()['id']}"


def test_the_pages_are_there_and_ask_no_other_host(client):
    assert client.get("/", follow_redirects=False).headers["location"] == "/explore"
    for path in ("/ask", "/explore", "/explore/failures"):
        page = client.get(path)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "http://" not in page.text and "https://" not in page.text
        assert "style=" not in page.text and "onclick" not in page.text
    for name in ("ask.js", "explore.js", "scene.js", "pages.css"):
        text = client.get(f"/static/pages/{name}").text
        assert text.replace("http://www.w3.org/2000/svg", "").find("://") < 0


def test_a_region_by_a_click_then_its_answer(client, photo):
    asked = {"add": [[150, 90]], "remove": []}
    mask = client.post(f"{photo}/mask", json=asked).json()
    assert mask["asked"] == "point 150,90" and 0 < mask["share"] < 1
    answer = client.post(f"{photo}/answer", json=asked).json()
    assert answer["asked"] == "point 150,90"
    inside = decode(answer["rle"]["counts"], 200, 300)
    assert inside[90, 150] and inside.mean() == pytest.approx(mask["share"])
    assert mask["path"] == outline(inside)
    assert sum(answer["answer"]["quality"]["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert client.post(f"{photo}/answer", json=asked).json() == answer  # the same every time
    box = client.post(f"{photo}/answer", json={"box": [40, 20, 200, 150]}).json()
    assert box["asked"] == "box 40,20,200,150"
    objects = client.get(f"{photo}/objects").json()
    assert objects and objects[0]["path"].startswith("M")
    first = client.post(f"{photo}/answer", json={"object": 0}).json()
    assert first["asked"] == "object 1"
    figure = client.post(f"{photo}/figure.png", json={"regions": [asked, {"object": 0}]})
    assert Image.open(io.BytesIO(figure.content)).size[0] > 300
    shown = client.get(f"{photo}/picture.jpg")
    assert Image.open(io.BytesIO(shown.content)).size == (300, 200)


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("mask", {"add": [[500, 10]]}, 400, "outside"),
        ("mask", {"add": []}, 400, "which region"),
        ("mask", {"add": [["x", 1]]}, 400, "numbers"),
        ("mask", {"add": [[1e300, 1]]}, 400, "numbers"),
        ("mask", {"add": [[float("1"), 1]] * 51}, 400, "at most 50"),
        ("mask", {"box": [5, 5]}, 400, "numbers"),
        ("mask", {"box": [900, 900, 50, 50]}, 400, "outside"),
        ("answer", {"object": 99}, 400, "no object 100"),
        ("figure.png", {"regions": "all"}, 400, "list"),
    ],
)
def test_what_is_no_region_is_a_message(client, photo, path, body, status, says):
    reply = client.post(f"{photo}/{path}", json=body)
    assert reply.status_code == status
    assert says in reply.json()["error"]["message"]


def test_what_is_no_photograph_is_a_message(client):
    for content, name in ((b"", "a.jpg"), (b"text", "a.jpg"), (b"text", "a.nef"), (b"x", MARKUP)):
        reply = client.post("/ask/api/photos", params={"name": name}, content=content)
        assert reply.status_code == 400
        message = reply.json()["error"]["message"]
        assert name in message and "/tmp" not in message and "\n" not in message
    reply = client.get("/ask/api/photos/unknown/objects")
    assert reply.status_code == 404 and "no longer open" in reply.json()["error"]["message"]


def test_only_the_last_photographs_stay_open(client):
    image = encode_png(np.full((64, 64, 3), 90, np.uint8))
    ids = [client.post("/ask/api/photos", content=image).json()["id"] for _ in range(5)]
    assert client.get(f"/ask/api/photos/{ids[0]}/picture.jpg").status_code == 404
    assert client.get(f"/ask/api/photos/{ids[4]}/picture.jpg").status_code == 200


def test_without_a_network_masks_are_shown_and_the_answer_says_why(tiny):
    client = client_of(tiny)
    image = encode_png(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    photo = client.post("/ask/api/photos", content=image).json()["id"]
    reply = client.post(f"/ask/api/photos/{photo}/answer", json={"box": [10, 10, 60, 60]})
    assert reply.status_code == 400
    assert "seagull pretrain" in reply.json()["error"]["message"]
    assert "no trained network" in client.get("/ask").text


def test_the_wall_is_filtered_and_goes_on(client, trained):
    scenes = read_records(trained / "tables" / "scenes", Scene)
    told = client.get("/explore/api/scenes").json()
    assert [one["scene_id"] for one in told["scenes"]] == [scene.scene_id for scene in scenes]
    assert told["next"] is None and told["of"] == 3
    choices = client.get("/explore/api/choices").json()
    assert choices["cameras"] == ["NIKON D7000"]
    assert set(choices["splits"]) == {scene.split for scene in scenes}
    split = scenes[0].split
    mine = client.get("/explore/api/scenes", params={"split": split}).json()["scenes"]
    assert [m["scene_id"] for m in mine] == [s.scene_id for s in scenes if s.split == split]
    rest = client.get("/explore/api/scenes", params={"from": 2}).json()["scenes"]
    assert [one["scene_id"] for one in rest] == [scenes[2].scene_id]
    last = {"distortion": "noise", "level": 20}
    assert len(client.get("/explore/api/scenes", params={**last, "label": "with"}).json()["scenes"])
    none = client.get("/explore/api/scenes", params={"label": "with"}).json()["scenes"]
    assert none == []  # a reference is without distortions
    assert client.get("/explore/api/scenes", params={"from": "x"}).status_code == 400


def test_a_scene_as_the_tables_have_it(client, trained):
    scene = read_records(trained / "tables" / "scenes", Scene)[0].scene_id
    view = client.get(f"/explore/api/scene/{scene}").json()
    rows = read_records(trained / "tables" / "renderings" / f"{scene}.parquet", Rendering)
    assert [len(levels) for levels in view["distortions"].values()] == [20] * 6
    rois = read_records(trained / "tables" / "rois" / f"{scene}.parquet", Roi)
    assert [one["roi_id"] for one in view["rois"]] == [roi.roi_id for roi in rois]
    assert len(view["said"]) == len(rows) and all(
        len(v) == len(rois) for v in view["said"].values()
    )
    for row in rows[:: len(rows) // 3]:
        image = client.get(f"/explore/api/image/{scene}/{row.rendering_id}")
        assert sha256_of(image.content) == row.sha256
        assert "immutable" in image.headers["cache-control"]
    small = client.get(f"/explore/api/thumbnail/{scene}/noise-3")
    assert small.headers["content-type"] == "image/jpeg"
    assert client.get(f"/explore/api/thumbnail/{scene}/noise-99").status_code == 404
    assert client.get(f"/explore/scene/{scene}").status_code == 200


def test_the_shards_alone_show_the_same(client, trained, tmp_path):
    shutil.copytree(trained / "shards", tmp_path / "shards")
    alone = client_of(tmp_path, trained / "models" / "pretrain")
    whole = client.get("/explore/api/scenes").json()["scenes"]
    assert [one["scene_id"] for one in alone.get("/explore/api/scenes").json()["scenes"]] == [
        one["scene_id"] for one in whole
    ]
    scene = whole[1]["scene_id"]
    one, other = (c.get(f"/explore/api/scene/{scene}").json() for c in (client, alone))
    for key in ("reference", "distortions", "rois", "said", "tops", "split"):
        assert one[key] == other[key], key
    name = one["distortions"]["blur"][4]["rendering_id"]
    path = f"/explore/api/image/{scene}/{name}"
    assert client.get(path).content == alone.get(path).content


def test_the_study_is_walked_through_without_a_reference(trained, tmp_path):
    from manifests.ratings import Rating

    scene = read_records(trained / "tables" / "scenes", Scene)[0]
    space = Workspace(tmp_path / "study")
    rows = read_records(trained / "tables" / "renderings" / f"{scene.scene_id}.parquet", Rendering)
    shutil.copytree(trained / "renderings" / scene.scene_id, space.renderings(scene.scene_id))
    name = f"{scene.scene_id}_mixed"
    mixed = [
        dataclasses.replace(r, distortion="mixed", level=n, rendering_id=f"{name}_0{n}")
        for n, r in enumerate(rows[1:4], 1)
    ]
    mask = np.zeros((rows[0].height, rows[0].width), np.bool_)
    mask[10:60, 10:70] = True
    roi = read_records(trained / "tables" / "rois" / f"{scene.scene_id}.parquet", Roi)[0]
    roi = dataclasses.replace(roi, rle=encode(mask))
    severities = {**dict.fromkeys(DISTORTIONS, 5), "noise": 1}
    ids = (mixed[0].rendering_id, roi.roi_id, scene.scene_id)
    ratings = [Rating(*ids, f"r{n}", "simulated", 2, 3, severities) for n in range(3)]
    for name, records, kind in (
        ("scenes", [scene], Scene), ("renderings", mixed[::-1], Rendering), ("rois", [roi], Roi),
        ("ratings", ratings, Rating),
    ):  # fmt: skip
        write_records(space.table_file(name, scene.scene_id), records, kind)
    view = client_of(space.root).get(f"/explore/api/scene/{scene.scene_id}").json()
    assert view["reference"] is None and list(view["distortions"]) == ["mixed"]
    assert [row["level"] for row in view["distortions"]["mixed"]] == [1, 2, 3]
    assert view["said"] == {mixed[0].rendering_id: {roi.roi_id: [2.0, 3.0, "severe noise"]}}
    assert view["tops"] == {"quality": 4.0, "importance": 4.0}
    small = client_of(space.root).get(f"/explore/api/thumbnail/{scene.scene_id}/none-0")
    assert small.status_code == 200


def test_nothing_outside_the_workspace_is_read(client, trained, tmp_path):
    scene = read_records(trained / "tables" / "scenes", Scene)[0].scene_id
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    for key in ("..%2f..%2fsecret.jpg", "%2e%2e", str(secret).replace("/", "%2f"), f"{scene}_no"):
        for path in (f"/explore/api/image/{scene}/{key}", f"/explore/api/image/{key}/{key}",
                     f"/explore/api/scene/{key}", f"/explore/scene/{key}",
                     f"/static/pages/{key}"):  # fmt: skip
            reply = client.get(path)
            assert reply.status_code in (400, 404), path
            assert reply.content != b"secret"
    poisoned = Workspace(tmp_path / "out")
    shutil.copytree(trained / "tables", poisoned.root / "tables")
    table = poisoned.table_file("renderings", scene)
    rows = read_records(table, Rendering)
    rows[0] = dataclasses.replace(rows[0], path="../secret.jpg")
    write_records(table, rows, Rendering)
    (poisoned.root / "renderings").mkdir()
    (poisoned.root / "renderings" / "link.jpg").symlink_to(secret)
    rows[1] = dataclasses.replace(rows[1], path="renderings/link.jpg")
    write_records(table, rows, Rendering)
    guarded = client_of(poisoned.root)
    for row in rows[:2]:
        reply = guarded.get(f"/explore/api/image/{scene}/{row.rendering_id}")
        assert reply.status_code == 400 and "outside the workspace" in reply.text


def test_markup_in_names_stays_text(trained, tmp_path):
    space = Workspace(tmp_path / "out")
    shutil.copytree(trained / "tables", space.root / "tables")
    write_failure(space, Failure("render", MARKUP, "unreadable", f"{MARKUP} ends early", 1, "x"))
    client = client_of(space.root)
    page = client.get("/explore/failures").text
    assert MARKUP not in page and "&lt;img src=x" in page
    assert "1 failed" in client.get("/explore").text
    reply = client.get(f"/explore/scene/{MARKUP}", headers={"accept": "text/html"})
    assert reply.status_code == 404 and MARKUP not in reply.text


def test_a_folder_without_anything_is_said(tmp_path, trained):
    with pytest.raises(SeagullError, match="neither tables nor shards"):
        client_of(tmp_path)
    with pytest.raises(SeagullError, match="no such folder"):
        client_of(trained, tmp_path / "nowhere")
    with client_of(trained, tmp_path) as client:  # a folder, but of no network
        image = encode_png(np.zeros((64, 64, 3), np.uint8))
        photo = client.post("/ask/api/photos", content=image).json()["id"]
        reply = client.post(f"/ask/api/photos/{photo}/answer", json={"box": [5, 5, 50, 50]})
        assert reply.status_code == 400
        assert "holds no trained network" in reply.json()["error"]["message"]


def test_an_outline_is_the_mask_s():
    mask = np.zeros((60, 80), np.bool_)
    mask[10:50, 20:70] = True
    mask[20:30, 30:40] = False  # a hole
    path = outline(mask)
    rings = [
        np.array([[float(v) for v in p.split()] for p in ring.strip("Z").split("L")])
        for ring in path.split("M")[1:]
    ]
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [np.floor(ring).astype(np.int32) for ring in rings], 1)
    assert json.dumps(path) and len(rings) == 2
    wrong = (drawn.astype(bool) != mask).sum()
    assert wrong <= 40  # the hole's rim: its ring runs along the pixels around it


def test_serve_says_where_and_ends_at_ctrl_c(tiny):
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--out", str(tiny), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as ran:
        assert ran.stdout and ran.stderr
        address = ran.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        with urlopen(f"{address}/explore", timeout=60) as page:
            assert b"3 scenes" in page.read()
        ran.send_signal(signal.SIGINT)
        assert ran.wait(60) == 0
        assert "Traceback" not in ran.stderr.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
def test_others_are_let_in_only_where_that_is_asked_for(tiny, host):
    ran = CliRunner().invoke(seagull, ["serve", "--out", str(tiny), "--host", host])
    assert isinstance(ran.exception, SeagullError)
    assert "--beyond-loopback" in str(ran.exception)
