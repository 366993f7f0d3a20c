"""A file by HTTPS: resumed where it broke off, bounded, and never from an unsafe address."""

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHUNK = 2**20
TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as broken."""
PAUSES = (1.0, 4.0, 10.0)
"""Seconds before each further attempt."""
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}

Report = Callable[[int, int], None]
"""Is told the bytes that are there and the bytes in all."""


class DownloadError(Exception):
    """The file did not arrive; the message is the reason."""


class BrokenOff(DownloadError):
    """Part of the file is missing: another attempt may bring it."""


class Unreached(BrokenOff):
    """Nothing answers at this address."""


class SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to an address that could have been asked for."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str):
        """Return the next request, see the base class."""
        try:
            check_address(newurl)
        except DownloadError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(url: str) -> None:
    """Refuse what is not HTTPS; this machine itself may answer without.

    Raises:
      DownloadError: If the address is another.

    >>> check_address("http://example.org/weights.pth")
    Traceback (most recent call last):
    jaxcnn.weights.download.http.DownloadError: http://example.org/weights.pth is not https
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not local:
        raise DownloadError(f"{url} is not https")


def download(url: str, part: Path, most: int, report: Report) -> None:
    """Write what lies at an address into a file, going on where an earlier attempt ended.

    Args:
      url: The address.
      part: The file; what it holds already is taken for the beginning. The caller verifies it.
      most: Bytes that the file may have.
      report: Is told the progress.

    Raises:
      DownloadError: If the server refuses, is not reached, or sends more than `most`.
      OSError: If the file cannot be written.
    """
    check_address(url)
    for attempt, pause in enumerate(PAUSES):
        try:
            _attempt(url, part, most, report)
            return
        except BrokenOff as error:
            if isinstance(error, Unreached) and attempt == 0:  # offline: do not keep them waiting
                raise
            time.sleep(pause)
    _attempt(url, part, most, report)


def _attempt(url: str, part: Path, most: int, report: Report) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "jaxcnn", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opener = urllib.request.build_opener(SafeRedirects)
    try:
        request = urllib.request.Request(url, headers=headers)
        with opener.open(request, timeout=TIMEOUT) as response:
            _receive(response, part, have, most, report)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # nothing more to send: it is all, or something else
            return
        kind = BrokenOff if error.code in TRANSIENT else DownloadError
        raise kind(f"the server answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise Unreached(f"the server was not reached: {error.reason}") from None
    # A reset connection, a timeout while reading, or an answer that is no HTTP. Files raise
    # OSError too, of other kinds.
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise BrokenOff(f"the connection broke off ({error or type(error).__name__})") from None


def _receive(response: Any, part: Path, have: int, most: int, report: Report) -> None:
    start = _start(response)
    if start not in (0, have):
        part.unlink(missing_ok=True)
        raise BrokenOff(f"the server went on at byte {start}, asked for byte {have}")
    length = response.headers.get("Content-Length")
    total = start + int(length) if length and length.isdigit() else 0
    with open(part, "ab" if start else "wb") as file:
        done = start
        while done <= most and (chunk := response.read1(CHUNK)):
            file.write(chunk)
            done += len(chunk)
            report(done, total or most)
    if done > most:
        part.unlink()
        kind = BrokenOff if start else DownloadError  # the beginning may be at fault
        raise kind(f"the server sends more than the {most:,} bytes expected")
    if done < total:
        raise BrokenOff(f"the connection broke off after {done:,} of {total:,} bytes")


def _start(response: Any) -> int:
    """Return the byte at which an answer begins; servers without ranges begin at 0."""
    if response.status != 206:
        return 0
    span = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(span) if span.isdigit() else -1
