"""An S3 server of moto's on loopback that fails as it is told to, and counts what it is asked."""

import hashlib
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

KEY, SECRET = "AKIDTESTING", "testing-secret-of-nobody"
_ERROR = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{text}</Message></Error>"


class Quiet(WSGIRequestHandler):
    def log(self, *arguments: Any) -> None:
        pass


@dataclass
class Fault:
    """What goes wrong `times` times with requests of `method` whose key matches."""

    method: str
    key: str
    kind: str  # slow_down | forbidden | broken | gone
    times: int = 10**9
    after: int = 0  # requests that go well first
    seen: int = 0

    def strikes(self, method: str, key: str) -> bool:
        if method != self.method or not re.search(self.key, key):
            return False
        self.seen += 1
        return self.after < self.seen <= self.after + self.times


@dataclass
class S3Server:
    """Before moto's app: faults, counts, and a listing that leaves out what `unlisted` matches."""

    app: Callable[..., Iterable[bytes]]
    faults: list[Fault] = field(default_factory=list)
    unlisted: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    received: int = 0
    sent: int = 0
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, key = environ["REQUEST_METHOD"], environ["PATH_INFO"].lstrip("/")
        listing = method == "GET" and "list-type=2" in environ.get("QUERY_STRING", "")
        what = "LIST" if listing else method
        self.requests[what] += 1
        self.asked.append(f"{what} {key}")
        self.received += int(environ.get("CONTENT_LENGTH") or 0)
        for fault in self.faults:
            if fault.strikes(what, key):
                return self._fail(fault, environ, start)
        head: list[Any] = []
        body = b"".join(self.app(environ, lambda *said, **_: head.extend(said)))
        if listing and self.unlisted:
            body = self._lagging(body)
            head[1] = [(n, v) for n, v in head[1] if n.lower() != "content-length"]
            head[1].append(("Content-Length", str(len(body))))
        start(*head)
        self.sent += len(body)
        return [body]

    def _lagging(self, body: bytes) -> bytes:
        def kept(found: re.Match[str]) -> str:
            return "" if re.search(self.unlisted, found.group()) else found.group()

        return re.sub(r"<Contents>.*?</Contents>", kept, body.decode(), flags=re.S).encode()

    def _fail(self, fault: Fault, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if fault.kind == "broken":  # half of what was to come, then the line is dead
            size = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"].read(size // 2)
            with suppress(OSError):
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            start("500 Broken", [])  # nobody hears it
            return [b""]
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, code = {
            "slow_down": ("503 Slow Down", "SlowDown"),
            "forbidden": ("403 Forbidden", "AccessDenied"),
            "gone": ("404 Not Found", "NoSuchKey"),
        }[fault.kind]
        text = _ERROR.format(code=code, text=f"{code} of the test").encode()
        start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
        return [text]

    def objects(self, prefix: str, bucket: str = "bucket") -> dict[str, bytes]:
        """What lies below a prefix, by name, past all faults."""
        from moto.s3.models import s3_backends

        held = s3_backends["123456789012"]["aws"].buckets[bucket].keys
        return {
            k[len(prefix) + 1 :]: v.value for k, v in held.items() if k.startswith(f"{prefix}/")
        }

    def tree_sha256(self, prefix: str) -> dict[str, str]:
        """As `runs.tree_sha256`, of a workspace in the bucket."""
        return {
            name: hashlib.sha256(content).hexdigest()
            for name, content in sorted(self.objects(prefix).items())
            if not name.endswith("sources.json") and "/events/" not in name
        }


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Serve on 127.0.0.1, with a bucket `bucket` in it."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    s3 = S3Server(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, s3, threaded=True, request_handler=Quiet)
    s3.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield s3
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def environment(url: str) -> dict[str, str]:
    """What a process needs to reach the server."""
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def main() -> None:
    """Serve until Ctrl-C, and say with every line of standard input what was asked since."""
    import sys

    with s3_server() as s3:
        import boto3

        access = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        boto3.client("s3", endpoint_url=s3.url, region_name="us-east-1", **access).create_bucket(
            Bucket="bucket"
        )
        for name, value in environment(s3.url).items():
            print(f"export {name}={value}")
        print("# a bucket named `bucket`; RETURN: the requests since; Ctrl-D: end", flush=True)
        s3.requests.clear()
        for _ in sys.stdin:
            print(f"{dict(s3.requests)}, {s3.received:,} bytes in, {s3.sent:,} out", flush=True)
            s3.requests.clear()
            s3.received = s3.sent = 0


if __name__ == "__main__":
    main()
