"""What came out as one page that needs no other file."""

from collections.abc import Sequence

from jaxcnn.cli import html
from jaxcnn.cli.explain.pictures import Picture
from jaxcnn.cli.explain.run import Explained, Shown

READING = (
    "Maps of regions lie over the image, maps of single pixels stand alone. In colours that part "
    "at white, red speaks for what was asked and blue against it. Each map has a scale of its "
    "own, stated below it; values beyond the percentile have the colour of the end. What covers "
    "or stands for absence is the value 0 of the network's input, near the mean of its data."
)


def image_section(one: Explained) -> str:
    """Return an image, its most probable classes and its maps."""
    bars = "".join(html.guess(g.name, g.probability, True) for g in one.guesses)
    first = (
        f'<figure><div class="frame">{html.photo(one.pixels, one.file.name)}</div>'
        f"<figcaption>{bars}</figcaption></figure>"
    )
    figures = "".join(map(figure, one.shown))
    note = f"Explained: the {one.question.score.__name__.lower()} of {one.question.words}."
    body = f'<div class="gallery maps">{first}{figures}</div>'
    return html.section(one.file.name, body, note=note)


def figure(shown: Shown, *, brief: bool = False) -> str:
    """Return a map with its method, normalisation and, unless brief, source."""
    name, source = html.escape(shown.method.name), html.escape(shown.method.source)
    if shown.picture is None:
        why = html.escape(shown.refused)
        return (
            '<figure><div class="frame"><span class="id">not for this network</span></div>'
            f'<figcaption><b>{name}</b><br><span class="id">{why}</span></figcaption></figure>'
        )
    below = "" if brief else f'<br><span class="id">{source}</span>'
    return (
        f'<figure><div class="frame">{html.photo(shown.picture.image, shown.method.name)}</div>'
        f"<figcaption><b>{name}</b>{bar(shown.picture)}{html.escape(shown.picture.note)}{below}"
        "</figcaption></figure>"
    )


def bar(picture: Picture) -> str:
    """Return the colours of a picture from low to high."""
    if picture.bar is None:
        return "<br>"
    return f'<img class="bar" src="{html.data_uri(html.encode(picture.bar))}" alt="">'


def picture_section(title: str, picture: Picture) -> str:
    """Return a part of the chapter."""
    # Few colours and sharp edges are smaller and exact as PNG, photographs as JPEG.
    form = "PNG" if picture.scale or picture.image.shape[1] < 500 else "JPEG"
    plot = html.plot(html.encode(picture.image, form), title, form.lower())
    return html.section(title, plot, note=f"{picture.note}.")


def document(title: str, lead: str, sections: Sequence[str], reading: str = READING) -> str:
    """Return the whole page."""
    head = f'<h1>{html.escape(title)}</h1><p class="lead">{html.escape(lead)}</p>'
    note = f'<p class="note">{html.escape(reading)}</p>'
    return html.page(title, head + note + "".join(sections))
