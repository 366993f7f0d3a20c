"""The few HTML elements of which the page is made; every text goes through `escape`."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape as escape
from pathlib import Path

import numpy as np
from PIL import Image

from jaxcnn.images import resize

LARGEST = 224
"""Longest side in pixels of an inlined photograph."""


def picture(light: bytes, dark: bytes, alt: str, *, kind: str = "") -> str:
    """Return a figure that follows the light or dark scheme of the reader."""
    return (
        f'<figure class="plot {kind}"><picture>'
        f'<source media="(prefers-color-scheme: dark)" srcset="{data_uri(dark)}">'
        f'<img src="{data_uri(light)}" alt="{escape(alt)}"></picture></figure>'
    )


def photo(image: np.ndarray, alt: str) -> str:
    """Return an image of the data; small ones are shown with sharp pixels."""
    height, width, _ = image.shape
    longest = max(height, width)
    # Where pixels can be seen they are exact; a photograph is for the eye, and a fifth the size.
    kind, form = ("pixels", "PNG") if longest < 96 else ("smooth", "JPEG")
    if longest > LARGEST:
        size = (max(1, height * LARGEST // longest), max(1, width * LARGEST // longest))
        image = resize(image, size, filter="lanczos")
    source = data_uri(encode(image, form), form.lower())
    return f'<img class="{kind}" src="{source}" alt="{escape(alt)}" loading="lazy">'


def encode(image: np.ndarray, form: str = "PNG") -> bytes:
    """Return an image as a file."""
    target = io.BytesIO()
    grey = image.shape[-1] == 1
    options = {"optimize": True} if form == "PNG" else {"quality": 88}
    Image.fromarray(image[..., 0] if grey else image).save(target, form, **options)
    return target.getvalue()


def data_uri(data: bytes, kind: str = "png") -> str:
    """Return an image file as an address that holds it."""
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


def guess(name: str, probability: float, right: bool) -> str:
    """Return a class on a bar as long as its probability."""
    known = np.isfinite(probability)
    width = f"{100 * probability:.1f}%" if known else "0"
    kind = "right" if right else "wrong"
    return (
        f'<div class="guess {kind}"><span class="fill" style="width:{width}"></span>'
        f'<span class="name" title="{escape(name)}">{escape(name)}</span>'
        f"<span>{percent(probability, 0)}</span></div>"
    )


def percent(share: float, digits: int = 1) -> str:
    """Write a share as per cent, and never round what is below 100 % up to it.

    >>> percent(0.98765), percent(0.9996), percent(1.0), percent(float("nan"))
    ('98.8%', '99.9%', '100.0%', '–')
    """
    if not np.isfinite(share):
        return "–"
    value = 100 * share
    if value < 100:
        value = min(value, 100 - 10**-digits)
    return f"{value:.{digits}f}%"


def card(label: str, value: str, note: str = "") -> str:
    """Return one headline figure."""
    small = f'<div class="note">{escape(note)}</div>' if note else ""
    return (
        f'<div class="card"><div class="label">{escape(label)}</div>'
        f'<div class="value">{escape(value)}</div>{small}</div>'
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: str = "") -> str:
    """Return a table; `numbers` marks with `n` the columns that are set flush right."""
    kinds = [' class="n"' if kind == "n" else "" for kind in numbers.ljust(len(head))]

    def line(tag: str, cells: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True)
        )

    body = "".join(f"<tr>{line('td', cells)}</tr>" for cells in rows)
    top = f"<thead><tr>{line('th', head)}</tr></thead>" if any(head) else ""
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'


def section(title: str, *parts: str, note: str = "") -> str:
    """Return a part of the page; empty where it has nothing to show."""
    if not any(parts):
        return ""
    small = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{small}{''.join(parts)}</section>"


def fold(title: str, content: str, *, unfolded: bool = False) -> str:
    """Return content that is shown on a click."""
    state = " open" if unfolded else ""
    return f"<details{state}><summary>{escape(title)}</summary>{content}</details>"


def plot(image: bytes, alt: str, kind: str = "png") -> str:
    """Return a figure in its own size, of a picture as a file."""
    source = data_uri(image, kind)
    return (
        f'<figure class="plot own"><img src="{source}" alt="{escape(alt)}" loading="lazy"></figure>'
    )


def page(title: str, body: str) -> str:
    """Return the whole document."""
    css = Path(__file__).with_name("page.css").read_text("utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>\n{css}</style></head>\n"
        f"<body><main>{body}</main></body></html>\n"
    )
