"""A loopback server that implements Kaggle's API for the real client, with scripted faults.

It acts as the client's HTTP proxy: `environment()` returns the variables that direct an unpatched client to
it. It records every request, so that tests can check what was sent, how often and when.
"""

import contextlib
import csv
import io
import json
import socket
import struct
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

KEY = "planted-key-0123456789"
TOKEN = "KGAT_planted_token_0123456789"
SIGNATURE = "planted-signature-0123456789"
SIGNED = f"?GoogleAccessId=x&Expires=1&Signature={SIGNATURE}"

_STEPS = {
    "IntrospectToken": "introspect",
    "GetSubmissionLimits": "limits",
    "StartSubmissionUpload": "start",
    "CreateSubmission": "create",
    "ListSubmissions": "list",
    "GetSubmission": "get",
    "DownloadDataFiles": "data",
}


@dataclass(frozen=True)
class Fault:
    """A fault at one step, instead of the normal response.

    Attributes:
        kind: `status` (an error status), `json` (another body), `page` (200 with HTML), `reset` (connection
            reset, not executed), `stall` (no response), `drip` (an endless response), `late` (executed after
            `seconds`), `cut` (half of the file); `lost`, `lost_stall`, `lost_page` (executed, then a reset,
            no response or a page).
        status, body, headers: the response of `status` and `json`.
        seconds: the delay of `late`.
    """

    kind: str
    status: int = 500
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def refusal(status: int, message: str, *, flat: bool = False, **headers: str) -> Fault:
    """Return a fault with one of Kaggle's two error bodies; underscores in header names become dashes."""
    body: dict[str, Any] = {"code": status, "message": message}
    if not flat:
        body = {"error": body | {"status": "FAILED_PRECONDITION"}}
    return Fault("status", status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True)
class Request:
    step: str
    body: dict[str, Any]
    headers: dict[str, str]
    time: float


class KaggleServer:
    """One competition with one team.

    Attributes:
        labels: the true label per id, used to score submissions.
        token: the valid API token.
        pending: number of PENDING responses per submission before its score.
        files: the competition's files, zipped for the download.
    """

    def __init__(self, labels: dict[int, int]) -> None:
        self.slug, self.labels, self.pending = "digit-recognizer", labels, 0
        self.error = ""
        self.token = TOKEN
        self.files: dict[str, bytes] = {}
        self.validators = True
        self.allowed = 5
        self.limits_body: dict[str, Any] = {}
        self.requests: list[Request] = []
        self.submissions: list[dict[str, Any]] = []
        self.page_size = 20
        self._blobs: dict[str, bytes] = {}
        self._polls: dict[int, int] = defaultdict(int)
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._always: dict[str, Fault] = {}
        self._lock = threading.Lock()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"kaggle": self})
        self._server = _Server(("127.0.0.1", 0), handler)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def environment(self) -> dict[str, str]:
        """Return the variables that direct the client to this server."""
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "http_proxy": f"http://127.0.0.1:{self.port}",
            "no_proxy": "",
            "KAGGLE_USERNAME": "somebody",
            "KAGGLE_KEY": KEY,
        }

    def fail(self, step: str, *faults: Fault, always: bool = False) -> None:
        """Fail at `step`: once per fault in `faults`, or `always` with the first."""
        if always:
            self._always[step] = faults[0]
        self._faults[step].extend(faults)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._always.clear()
        self._faults.clear()

    def count(self, step: str) -> int:
        return sum(request.step == step for request in self.requests)

    def times(self, step: str) -> list[float]:
        return [request.time for request in self.requests if request.step == step]

    @contextlib.contextmanager
    def running(self) -> Iterator["KaggleServer"]:
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()

    def next_fault(self, step: str) -> Fault | None:
        with self._lock:
            if step in self._always:
                return self._always[step]
            return self._faults[step].pop(0) if self._faults[step] else None

    def record(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def answer(self, step: str, body: dict[str, Any]) -> dict[str, Any]:
        """Execute `step`, and return the JSON of the response."""
        with self._lock:
            result: dict[str, Any] = getattr(self, f"_{step}")(body)
        return result

    def store(self, token: str, content: bytes) -> None:
        self._blobs[token] = content

    def archive(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in self.files.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return buffer.getvalue()

    def _introspect(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"active": body["token"] == self.token, "username": "somebody"}

    def _limits(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - common signature
        today = len(self.submissions)
        return self.limits_body or {
            "numToday": today, "numTotal": today, "numAllowedNow": max(0, self.allowed - today)
        }  # fmt: skip

    def _start(self, body: dict[str, Any]) -> dict[str, Any]:
        token = f"blob-{len(self._blobs)}-{body['fileName']}"
        return {"token": token, "createUrl": f"http://storage.test/upload/{token}{SIGNED}"}

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        content = self._blobs[body["blobFileTokens"]]
        ref = 1001 + len(self.submissions)
        submission = {
            "ref": ref,
            "date": "2026-01-01T00:00:00.000Z",
            "description": body.get("submissionDescription", ""),
            "fileName": body["blobFileTokens"],
            "status": "PENDING",
            "totalBytes": len(content),
            "content": content,
        }
        self.submissions.append(submission)
        return {"message": "Successfully submitted to Digit Recognizer", "ref": ref}

    def _list(self, body: dict[str, Any]) -> dict[str, Any]:
        start = int(body.get("pageToken") or 0)
        newest = self.submissions[::-1]
        more = start + self.page_size < len(newest)
        page = [self._public(submission) for submission in newest[start : start + self.page_size]]
        return {"submissions": page, "nextPageToken": str(start + self.page_size) if more else ""}

    def _get(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._public(next(s for s in self.submissions if s["ref"] == body["ref"]))

    def _public(self, submission: dict[str, Any]) -> dict[str, Any]:
        ref = submission["ref"]
        self._polls[ref] += 1
        fields = {name: value for name, value in submission.items() if name != "content"}
        if self._polls[ref] <= self.pending:
            return fields
        if self.error:
            return fields | {"status": "ERROR", "errorDescription": self.error}
        return fields | {
            "status": "COMPLETE",
            "publicScore": self.score(submission["content"]),
            "privateScore": "",
        }

    def score(self, content: bytes) -> str:
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        correct = sum(self.labels[int(row["ImageId"])] == int(row["Label"]) for row in rows)
        return f"{correct / len(self.labels):.5f}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *args: Any) -> None:
        """Print nothing: connections are broken on purpose."""


class _Handler(BaseHTTPRequestHandler):
    kaggle: KaggleServer
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Print nothing."""

    def do_POST(self) -> None:
        method = urlsplit(self.path).path.rsplit("/", 1)[-1]
        body = json.loads(self._content() or b"{}")
        step = _STEPS.get(method, method)
        self._serve(step, body)

    def do_PUT(self) -> None:
        token = urlsplit(self.path).path.removeprefix("/upload/")
        self._serve("put", {"token": token, "content": self._content()})

    def do_GET(self) -> None:
        self._serve("file", {})

    def _content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _serve(self, step: str, body: dict[str, Any]) -> None:
        kaggle = self.kaggle
        kaggle.record(Request(step, body, dict(self.headers), time.monotonic()))
        fault = kaggle.next_fault(step)
        with contextlib.suppress(OSError):
            if fault is None:
                self._answer(step, body)
            else:
                getattr(self, f"_fail_{fault.kind}")(fault, step, body)

    def _answer(self, step: str, body: dict[str, Any]) -> None:
        kaggle = self.kaggle
        if step == "put":
            kaggle.store(body["token"], body["content"])
            self._send(200, b"", {"Content-Type": "text/plain"})
        elif step == "data":
            name = f"{kaggle.slug}.zip"
            self._send(302, b"", {"Location": f"http://storage.test/data/{name}{SIGNED}"})
        elif step == "file":
            self._send_file()
        elif step in _STEPS.values():
            self._send_json(200, kaggle.answer(step, body))
        else:
            self._send_json(404, {"code": 404, "message": "no such method"})

    def _send_file(self, cut: bool = False) -> None:
        content, start = self.kaggle.archive(), 0
        headers = {"Content-Type": "application/zip", "Accept-Ranges": "bytes"}
        if self.kaggle.validators:
            headers |= {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if requested := self.headers.get("Range"):
            start = int(requested.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        body = content[start:]
        sent = body[: len(body) // 2] if cut else body
        self._send(206 if start else 200, sent, {"Content-Length": str(len(body)), **headers})

    def _send_json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _fail_status(self, fault: Fault, step: str, body: dict[str, Any]) -> None:  # noqa: ARG002 - common signature
        self._send_json(fault.status, fault.body or {}, fault.headers)

    def _fail_json(self, fault: Fault, step: str, body: dict[str, Any]) -> None:  # noqa: ARG002 - common signature
        self._send_json(200, fault.body)

    def _fail_page(self, fault: Fault, step: str, body: dict[str, Any]) -> None:  # noqa: ARG002 - common signature
        self._send(200, b"<!DOCTYPE html><html>Welcome to Hotel WiFi</html>", {"Content-Type": "text/html"})

    def _fail_late(self, fault: Fault, step: str, body: dict[str, Any]) -> None:
        self.kaggle.closing.wait(fault.seconds)
        self._answer(step, body)

    def _fail_stall(self, fault: Fault, step: str, body: dict[str, Any]) -> None:  # noqa: ARG002 - common signature
        self.kaggle.closing.wait(60)

    def _fail_drip(self, fault: Fault, step: str, body: dict[str, Any]) -> None:  # noqa: ARG002 - common signature
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.kaggle.closing.wait(0.2):
            self.wfile.write(b" ")

    def _fail_cut(self, fault: Fault, step: str, body: dict[str, Any]) -> None:  # noqa: ARG002 - common signature
        self._send_file(cut=True)

    def _fail_lost(self, fault: Fault, step: str, body: dict[str, Any]) -> None:
        self.kaggle.answer(step, body)
        self._fail_reset(fault, step, body)

    def _fail_lost_page(self, fault: Fault, step: str, body: dict[str, Any]) -> None:
        self.kaggle.answer(step, body)
        self._fail_page(fault, step, body)

    def _fail_lost_stall(self, fault: Fault, step: str, body: dict[str, Any]) -> None:
        self.kaggle.answer(step, body)
        self._fail_stall(fault, step, body)

    def _fail_reset(self, fault: Fault, step: str, body: dict[str, Any]) -> None:  # noqa: ARG002 - common signature
        """Close the connection with RST, so that the client sees a reset and not an end."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
