"""The shared web framework: what it refuses, how it answers, how it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from annotation.web.app import make_app, read_json
from annotation.web.serve import bind, running
from manifests.errors import SeagullError


async def _echo(request):
    return JSONResponse(await read_json(request))


def _fails(request):
    kind = request.path_params["kind"]
    raise {"mine": SeagullError("no such ROI"), "defect": ValueError("secret")}.get(
        kind, HTTPException(404, "no such page")
    )


ROUTES = [Route("/api/echo", _echo, methods=["POST"]), Route("/fails/{kind}", _fails)]


@pytest.fixture
def client(tmp_path: Path):
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "a.js").write_text("1;")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    with TestClient(make_app(ROUTES, {"own": folder}, body_limit=1000)) as client:
        yield client


def test_every_answer_allows_no_other_host_and_no_inline_script(client):
    for path in ("/static/look.css", "/static/own/a.js", "/fails/x", "/nowhere"):
        policy = client.get(path).headers["content-security-policy"]
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'" and rules["script-src"] == "'self'"
        assert "http" not in policy and "unsafe" not in policy
    assert client.get("/nowhere").headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/own/../secret.txt", "/static/own/%2e%2e/secret.txt", "/static/own/link.txt"]
)
def test_static_files_cannot_leave_their_folder(client, path):
    answer = client.get(path)
    assert answer.status_code == 404 and "secret" not in answer.text


def test_errors_are_json_for_programs_and_a_page_for_people(client):
    page = client.get("/fails/mine")
    assert page.status_code == 400 and "no such ROI" in page.text and "<h1>" in page.text
    told = client.get("/fails/x", headers={"accept": "application/json"})
    assert told.json() == {"error": {"status": 404, "message": "no such page"}}
    defect = client.get("/fails/defect")
    assert defect.status_code == 500 and "secret" not in defect.text
    assert client.post("/api/echo", json={"a": 1}).json() == {"a": 1}  # it lives on


def test_bodies_are_bounded_whether_their_length_is_told_or_not(client):
    assert client.post("/api/echo", json={"a": "x" * 2000}).status_code == 413
    pieces = (b"x" * 600 for _ in range(3))
    headers = {"content-type": "application/json"}
    answer = client.post("/api/echo", content=pieces, headers=headers)
    assert answer.status_code == 413 and "1,000 bytes" in answer.json()["error"]["message"]
    for content, status in ((b"[1]", 400), (b"{", 400), (b'{"a":' + b"[" * 900, 400)):
        assert client.post("/api/echo", content=content, headers=headers).status_code == status
    assert client.post("/api/echo", content=b"{}").status_code == 415


def test_another_site_may_neither_post_nor_be_the_host(client):
    there = {"origin": "http://evil.example"}
    assert client.post("/api/echo", json={}, headers=there).status_code == 403
    here = {"origin": "http://testserver"}
    assert client.post("/api/echo", json={}, headers=here).status_code == 200
    assert client.get("/fails/x", headers={"host": "evil.example"}).status_code == 400


def test_100_megabytes_are_answered_and_the_server_lives_on():
    with running(make_app(ROUTES)) as url:
        body = (b"x" * 2**20 for _ in range(100))
        told = {"content-type": "application/json", "content-length": str(100 * 2**20)}
        assert httpx.post(f"{url}/api/echo", content=body, headers=told).status_code == 413
        assert httpx.post(f"{url}/api/echo", json={"a": 1}).json() == {"a": 1}


def test_a_port_in_use_and_a_host_beyond_loopback_are_told():
    with bind("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
        with pytest.raises(SeagullError, match=f"port {port}.*in use.*--port"):
            bind("127.0.0.1", port)
    with pytest.raises(SeagullError, match="--beyond-loopback"):
        bind("0.0.0.0", 0)
    bind("0.0.0.0", 0, beyond_loopback=True).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_its_command_goes_on(number):
    script = (
        "from annotation.web.app import make_app; from annotation.web.serve import serve\n"
        "serve(make_app([]), port=0, ready=lambda url: print(url, flush=True)); print('after')"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/static/look.css").status_code == 200
        process.send_signal(number)
        left, _ = process.communicate(timeout=20)
    assert left.strip() == "after" and process.returncode == os.EX_OK
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 1)
