"""A rater in a real browser: consent, training, ten by mouse, ten by keys, away and back, undo."""

import os
import shutil
from pathlib import Path

import pytest

from annotation.rating.study_site import study_site
from annotation.web.serve import running
from manifests.config import Config, StudyConfig

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install it")

LONG = Config(
    name="study",
    study=StudyConfig(
        raters=2, ratings_per_roi=2, session_items=23, golden_per_session=1, repeats_per_session=1
    ),
)
DESK, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
SHOTS = os.environ.get("SEAGULL_SCREENSHOTS")  # a folder: where to leave what was seen


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def study(tmp_path: Path, planned_study):
    made = planned_study(tmp_path / "long", 7, LONG)
    with running(study_site(made.folder, made.store, LONG)) as url:
        yield made, url + made.links[1]
    made.store.close()


def _open(browser, link: str, viewport: dict = DESK, **options):
    page = browser.new_context(viewport=viewport, **options).new_page()
    page.set_default_timeout(15000)
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text)
            if message.type in ("error", "warning") else None)  # fmt: skip
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.complaints.append(request.url)
            if not request.url.startswith(("http://127.0.0.1", "data:")) else None)  # fmt: skip
    page.goto(link)
    return page


def _shown(page, where: str) -> None:
    page.wait_for_selector(f"#where:has-text('{where}')")
    page.wait_for_selector("#line-light[d]", state="attached")


def _by_keys(page) -> None:
    for key in "42566666":
        page.keyboard.press(key)
    page.wait_for_selector("#send:not([disabled])")
    page.keyboard.press("Enter")


def _by_mouse(page) -> None:
    questions = page.query_selector_all("[data-question]")
    for number, question in enumerate(questions):
        question.query_selector_all("label")[1 if number < 2 else 5].click()
    page.click("#send")


def _look(page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png")


def _boxes(page, *selectors: str) -> list[dict]:
    return [page.query_selector(selector).bounding_box() for selector in selectors]


def _apart(first: dict, second: dict) -> bool:
    return (
        first["x"] + first["width"] <= second["x"] + 1
        or first["y"] + first["height"] <= second["y"] + 1
    )


def test_a_rater_goes_all_the_way(browser, study):
    made, link = study
    page = _open(browser, link)
    page.click("button:has-text('take part')")
    for n in range(1, 5):
        page.fill(f"[name=plate_{n}]", str(n))
    page.click("button:has-text('Go on')")
    for number in (1, 2):
        _shown(page, f"Training: {number} of 2")
        assert page.query_selector("input:checked") is None and page.is_disabled("#send")
        _by_keys(page)
        page.wait_for_selector("#card table")
        page.click("#card button")
    page.click("#card button")  # now the photographs
    for number in range(1, 11):
        _shown(page, f": {number} of 23")
        _by_mouse(page)
    for number in range(11, 21):
        _shown(page, f": {number} of 23")
        _by_keys(page)
    _shown(page, ": 21 of 23")
    page.close()  # away, and back on another device

    page = _open(browser, link, PHONE, device_scale_factor=2, color_scheme="dark")
    _shown(page, ": 21 of 23")
    page.click("#undo")
    _shown(page, ": 20 of 23")
    page.wait_for_selector("#send:not([disabled])")  # with the answers it had
    assert page.input_value("input[name=quality]:checked") == "3"
    page.click("label:has(input[name=quality][value='0'])")
    for number in (20, 21, 22, 23):
        _shown(page, f": {number} of 23")
        if number > 20:
            _by_mouse(page)
        else:
            page.click("#send")
    page.wait_for_selector("#card:has-text('All done')")
    _look(page, "done-phone")
    votes = [vote for vote in made.store.votes() if vote.rater == 1]
    assert len(votes) == 25 and votes[21].answers["quality"] == 0
    assert [v.answers["quality"] for v in votes[2:12]] == [1] * 10  # by mouse
    assert [v.answers["quality"] for v in votes[12:21]] == [3] * 9  # by keys
    assert all(v.answers["compression"] == 5 for v in votes)
    assert (votes[5].window_width, votes[5].window_height) == (1366, 768)
    assert votes[5].seconds < 60 and votes[5].zoom == 1.0 and votes[24].window_width == 390
    assert not page.complaints


def _rating(browser, study, viewport: dict, **options):
    made, link = study
    made.store.consent(1)
    made.store.set_up(1, {"window_width": 1, "window_height": 1, "browser_zoom": 1,
                          "plates_right": 4, "plates": 4})  # fmt: skip
    page = _open(browser, link, viewport, **options)
    _shown(page, "Training: 1 of 2")
    return page


@pytest.mark.parametrize(("name", "viewport"), [("desk", DESK), ("phone", PHONE)])
def test_nothing_overlaps_or_scrolls_away(browser, study, name, viewport):
    page = _rating(browser, study, viewport)
    bar, photo, questions, send = _boxes(page, ".bar", "#photo", "#questions", "#send")
    assert _apart(bar, photo) and _apart(photo, questions)
    for box in (bar, photo, questions, send):
        assert box["x"] >= 0 and box["x"] + box["width"] <= viewport["width"] + 1
        assert box["y"] >= 0 and box["y"] + box["height"] <= viewport["height"] + 1
    assert photo["height"] > 250 and photo["width"] > 350
    _look(page, f"rate-{name}")
    last = page.query_selector("[data-question=compression]")
    last.evaluate("row => row.scrollIntoView({block: 'center'})")  # as far up as it goes
    assert _apart(last.bounding_box(), _boxes(page, "#send")[0])
    sheet = page.query_selector("#sheet").bounding_box()
    assert sheet["width"] / sheet["height"] == pytest.approx(640 / 480, rel=0.01)
    _look(page, f"rate-{name}-end")


def test_keys_for_the_outline_the_rest_and_the_pixels(browser, study):
    page = _rating(browser, study, PHONE)
    assert page.is_visible("#line-light") and not page.is_visible("#shade")
    page.keyboard.press("d")
    assert page.is_visible("#shade")
    page.keyboard.press("h")
    assert not page.is_visible("#line-light") and not page.is_visible("#shade")
    page.keyboard.press("h")
    before = page.query_selector("#sheet").bounding_box()["width"]
    page.keyboard.press("z")
    assert page.query_selector("#sheet").bounding_box()["width"] == 640 > before
    _look(page, "actual-phone")


def test_a_vote_that_cannot_be_sent_is_kept_and_sent_later(browser, study):
    made, _ = study
    page = _rating(browser, study, DESK)
    page.route("**/api/vote", lambda route: route.abort())
    _by_keys(page)
    page.wait_for_selector("#problem:has-text('No connection')")
    assert made.store.votes() == []
    page.unroute("**/api/vote")
    page.reload()  # the window was closed in between
    page.wait_for_selector("#card table")
    assert len(made.store.votes()) == 1


def test_the_leaders_page_on_a_desk(browser, study):
    made, link = study
    page = _open(browser, link.partition("/r/")[0] + "/leader")
    page.fill("[name=secret]", made.secret)
    page.click("button:has-text('Open')")
    page.wait_for_selector("td:has-text('r02')")
    page.select_option("select[aria-label='action for r01']", "pause")
    page.click("tr:has-text('r01') button")
    page.wait_for_selector("[role=status]:has-text('r01: pause')")
    _look(page, "leader")
    assert not page.complaints and made.store.raters()[0].state == "paused"
