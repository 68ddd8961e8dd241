"""A web server on loopback that misbehaves on request."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Server:
    """Answers by path; `calls` lists (path, Range header) of every request."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[str, list[Answer]] = {}
        self.calls: list[tuple[str, str | None]] = []
        self.released = threading.Event()  # ends stalls when the test is over

    def at(self, path: str, *answers: Answer) -> str:
        """Give these answers at `path` in turn, the last one for ever; the full address."""
        self.answers[path] = list(answers)
        return self.address + path

    def ranges(self, path: str) -> list[str | None]:
        return [given for called, given in self.calls if called == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Server = self.server.behaviour
        server.calls.append((self.path, self.headers.get("Range")))
        answers = server.answers[self.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.close_connection = True
        answer(self)

    def head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running() -> Iterator[Server]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.behaviour = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield http.behaviour
    finally:
        http.behaviour.released.set()
        http.shutdown()
        http.server_close()
        thread.join(5)


def whole(content: bytes, kind: str = "application/zip", ranges: bool = True) -> Answer:
    """The file, or the asked-for part of it when the server supports Range."""

    def answer(request: Handler) -> None:
        asked = re.match(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if not (ranges and asked):
            request.head(200, len(content), Content_Type=kind)
            request.wfile.write(content)
        elif int(asked[1]) >= len(content):
            request.head(416, 0, Content_Range=f"bytes */{len(content)}")
        else:
            start = int(asked[1])
            place = f"bytes {start}-{len(content) - 1}/{len(content)}"
            request.head(206, len(content) - start, Content_Type=kind, Content_Range=place)
            request.wfile.write(content[start:])

    return answer


def truncated(content: bytes, at: int, announce: bool = True) -> Answer:
    """The first `at` bytes, then the connection closes; with or without a Content-Length."""

    def answer(request: Handler) -> None:
        request.head(200, len(content) if announce else None)
        request.wfile.write(content[:at])

    return answer


def stalled(content: bytes, at: int) -> Answer:
    """The first `at` bytes, then silence."""

    def answer(request: Handler) -> None:
        request.head(200, len(content))
        request.wfile.write(content[:at])
        request.wfile.flush()
        request.server.behaviour.released.wait(10)

    return answer


def shifted(content: bytes, start: int) -> Answer:
    """A 206 that begins somewhere else than asked."""

    def answer(request: Handler) -> None:
        place = f"bytes {start}-{len(content) - 1}/{len(content)}"
        request.head(206, len(content) - start, Content_Range=place)
        request.wfile.write(content[start:])

    return answer


def endless(sent: list[int], most: int) -> Answer:
    """Zeros without a length until the reader hangs up or `most` bytes are sent; `sent` counts them."""

    def answer(request: Handler) -> None:
        request.head(200, None)
        with suppress(OSError):
            while sum(sent) < most:
                request.wfile.write(bytes(1 << 20))
                sent.append(1 << 20)

    return answer


def redirected(to: str) -> Answer:
    return lambda request: request.head(302, 0, Location=to)


def status(code: int) -> Answer:
    return lambda request: request.head(code, 0)
