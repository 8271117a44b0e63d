"""The pages in a real browser: a click answered, the slider moved, thousands of scenes scrolled.

`SEAGULL_SCENES=2000 pytest tests/pipeline/test_pages_browser.py -s` prints what many scenes cost.
"""

import dataclasses
import os
import time
from pathlib import Path

import cv2
import pytest

from annotation.web.serve import running
from manifests.images import encode_jpeg
from manifests.keys import DISTORTIONS
from manifests.presets import load_config
from manifests.records import Rendering, Scene
from manifests.tables import read_records, to_parquet
from manifests.workspace import Workspace
from pipeline.pages.pages_app import pages_app

CHROMIUM = Path("/usr/bin/chromium")
SCENES = int(os.environ.get("SEAGULL_SCENES", "150"))


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM}, which is not here")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """A page of 1366 x 768 that may say nothing on its console and ask no other host."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    opened = context.new_page()
    wrong, hosts = [], set()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    opened.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    yield opened
    context.close()
    assert not wrong
    assert all(host.startswith("127.0.0.1:") or host.startswith("data:") for host in hosts), hosts


@pytest.fixture(scope="module")
def served(trained):
    config = load_config(str(trained / "config.yaml"))
    with running(pages_app(Workspace(trained), None, config)) as address:
        yield address


def test_a_click_is_answered_and_a_scene_is_walked_through(page, served, tmp_path):
    from playwright.sync_api import expect

    from isp.tools.photographs import bundled

    photo = tmp_path / "<b>coffee.jpg"  # a name with markup stays text
    photo.write_bytes(encode_jpeg(cv2.resize(bundled()["coffee"](), (450, 300)), 90))
    page.goto(f"{served}/ask")
    page.set_input_files("#file", str(photo))
    expect(page.locator("#status")).to_contain_text("<b>coffee.jpg, 450 × 300", timeout=20000)
    box = page.locator("#photo").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#marks .region")).to_have_count(1, timeout=20000)
    expect(page.locator(".said:not([hidden])")).to_have_count(1, timeout=60000)
    expect(page.locator(".sentence")).to_contain_text("The quality is")
    expect(page.locator(".quality .fill")).to_have_count(5)
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 200, steps=4)
    page.mouse.up()
    expect(page.locator(".said:not([hidden])")).to_have_count(2, timeout=20000)
    page.keyboard.press("o")
    expect(page.locator("#marks .pick").first).to_be_attached(timeout=20000)
    with page.expect_download() as saved:
        page.click("#download")
    assert saved.value.suggested_filename.endswith("-answers.png")

    page.goto(f"{served}/explore")
    page.locator("#wall a").first.click()
    expect(page.locator("#status")).to_have_text("", timeout=20000)
    for distortion in DISTORTIONS:
        page.click(f"[data-distortion={distortion}]")
        for level in (1, 20):
            page.locator("#level").fill(str(level))
            expect(page.locator("#tag")).to_have_text(f"{distortion} {level}")
            expect(page.locator("#status")).to_have_text("", timeout=20000)
    for mode in ("side", "wipe", "difference"):
        page.click(f"[data-mode={mode}]")
    page.keyboard.press("r")  # the next region
    expect(page.locator("#curve .line")).to_have_count(6)
    page.click("#one")
    state = page.url
    assert {"d=compression", "l=20", "m=difference", "z=1"} <= set(state.split("#")[1].split("&"))
    page.goto("about:blank")
    page.goto(state)  # a link to the state brings it back
    expect(page.locator("#curve .line")).to_have_count(6, timeout=20000)
    expect(page.locator("#tag")).to_contain_text("× 8")


def many_scenes(trained: Path, root: Path, count: int) -> Workspace:
    """`count` scenes with one picture among them all: what a wall costs is not its pixels."""
    space = Workspace(root)
    scene = read_records(trained / "tables" / "scenes", Scene)[0]
    rows = read_records(trained / "tables" / "renderings" / f"{scene.scene_id}.parquet", Rendering)
    shown = trained / rows[0].path
    (root / "renderings").mkdir(parents=True)
    (root / "renderings" / shown.name).write_bytes(shown.read_bytes())
    for number in range(count):
        key = f"s{number:05d}-0123abcd"
        one = dataclasses.replace(scene, scene_id=key)
        mine = [
            dataclasses.replace(r, scene_id=key, path=f"renderings/{shown.name}") for r in rows[:1]
        ]
        for name, records, kind in (("scenes", [one], Scene), ("renderings", mine, Rendering)):
            file = space.table_file(name, key)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(to_parquet(records, kind))
    return space


FRAMES = """() => new Promise((done) => {
  const gaps = []; let last = performance.now(), turns = 0;
  const frame = (now) => {
    gaps.push(now - last); last = now; turns += 1;
    scrollBy(0, 400);
    if (turns < 120) requestAnimationFrame(frame); else done(gaps.sort((a, b) => a - b));
  };
  requestAnimationFrame(frame);
})"""


def test_many_scenes_open_at_once_and_scroll(page, trained, tmp_path):
    space = many_scenes(trained, tmp_path / "out", SCENES)
    began = time.perf_counter()
    app = pages_app(space, trained / "models" / "pretrain", load_config("demo"))
    with running(app) as address:
        started = time.perf_counter() - began
        began = time.perf_counter()
        page.goto(f"{address}/explore")
        page.locator("#wall img").first.wait_for()
        opened = time.perf_counter() - began
        assert f"{SCENES:,} scenes" in page.inner_text("h1")
        gaps = page.evaluate(FRAMES)
        there = page.locator("#wall a").count()
        page.goto("about:blank")
    print(
        f"\n{SCENES} scenes: server {started:.2f} s, wall {opened:.2f} s, frames of scrolling"
        f" median {gaps[60]:.0f} ms, 95 % {gaps[113]:.0f} ms, longest {gaps[-1]:.0f} ms;"
        f" {there} tiles reached"
    )
    assert there > 60  # the list went on while scrolling
    assert opened < 10 and gaps[60] < 200  # generous: other work may run beside the tests
