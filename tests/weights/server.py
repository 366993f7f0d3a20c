"""A server of one file that behaves as badly as it is told to."""

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server:
    """What the server does, and what it was asked.

    Attributes:
      data: The file.
      ranges: Whether it knows ranges.
      breaks: For each of the next answers, the bytes after which it breaks off.
      statuses: For each of the next answers, a status other than success.
      location: Where it redirects to, if anywhere.
      lengths: Whether it tells the length.
      delays: For each of the next answers, the seconds before its body.
      shift: How far from the byte that was asked for it goes on.
      requests: The header `Range` of each request, or None.
      url: The address of the file.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.ranges = self.lengths = True
        self.breaks: list[int] = []
        self.statuses: list[int] = []
        self.delays: list[float] = []
        self.shift = 0
        self.location = ""
        self.requests: list[str | None] = []
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range")
        self.requests.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        start, status = (start + self.shift, 206) if start else (0, 200)
        if self.location and handler.path == "/redirected":
            status = 302
        elif self.statuses:
            status = self.statuses.pop(0)
        elif start >= len(self.data):
            status = 416
        body = self.data[start:] if status in (200, 206) else b""
        handler.send_response(status)
        if status == 302:
            handler.send_header("Location", self.location)
        if status == 206:
            end = len(self.data) - 1
            handler.send_header("Content-Range", f"bytes {start}-{end}/{len(self.data)}")
        if self.lengths:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        time.sleep(self.delays.pop(0) if self.delays else 0)
        handler.wfile.write(body[: self.breaks.pop(0)] if self.breaks and body else body)


@contextlib.contextmanager
def serving(data: bytes) -> Iterator[Server]:
    """Serve a file on this machine."""
    server = Server(data)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.answer(self)

        def log_message(self, *_: Any):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}/weights.pth"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
