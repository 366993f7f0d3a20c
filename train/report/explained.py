"""The page of `python -m train explain`."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from pathlib import Path

import numpy as np

from jaxcnn import explain
from jaxcnn.cli import html
from jaxcnn.cli.explain import chapter
from jaxcnn.cli.explain.methods import chosen, with_options
from jaxcnn.cli.explain.page import READING, document, figure, picture_section
from jaxcnn.cli.explain.pictures import Picture, method_grid
from jaxcnn.cli.explain.projections import PROJECTIONS
from jaxcnn.cli.explain.run import Shown, shown_by
from jaxcnn.taps import Difference, Logit, list_taps
from train.album import SplitAlbum
from train.errors import UserError
from train.evaluate import Evaluation
from train.report.findings import Example, samples, worst
from train.rundir import write_atomically

METHODS = "saliency,grad_cam,ig,occlusion"
LAYERS, IMAGES, BEST_OF = 4, 2, 10_000
"""Layers whose maps are shown, images of which, and images among which units choose."""
ONLY_SHOWN = (
    "The images are looked at, and nothing was chosen by them: neither the network, nor a layer, "
    "nor a unit. "
)

Part = tuple[str, str, Picture]
"""Title, name of the file, picture."""


def write_explained(
    directory: Path,
    album: SplitAlbum,
    result: Evaluation,
    *,
    names: Sequence[str],
    title: str,
    lead: str,
    examples: int,
    embedded: int,
    tell: Callable[[str], None],
) -> Path:
    """Write `explain.html`, which needs no other file, and `explain/*.png`; return its path.

    Args:
        directory: Folder of the run.
        album: Its network and the images.
        result: What the network says of them.
        names: Of the classes.
        title: Name of the run.
        lead: Line below it.
        examples: Mistakes that are explained, and right answers.
        embedded: Most images in the maps of the set.
        tell: Told what is being made.
    """
    folder, sections = directory / "explain", []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for heading, found in (
            ("Mistakes", [e for e in worst(result, examples) if not e.right]),
            ("Right answers", [e for e in samples(result, 4 * examples) if e.right][:examples]),
        ):
            tell(heading.lower())
            if found:
                section, picture = explained_section(heading, found, album, names)
                sections.append(section)
                save(folder / f"{heading.split()[0].lower()}.png", picture)
        for heading, name, made in parts(album, names, embedded, tell):
            sections.append(picture_section(heading, made))
            save(folder / f"{name}.png", made.image)
    except OSError as error:
        raise UserError(
            f"cannot write to {directory}: {error.strerror}; free some space"
        ) from error
    page = document(f"{title}: what the network sees", lead, sections, ONLY_SHOWN + READING)
    write_atomically(directory / "explain.html", page)
    return directory / "explain.html"


def explained_section(
    heading: str, examples: Sequence[Example], album: SplitAlbum, names: Sequence[str]
) -> tuple[str, np.ndarray]:
    """Return a part of the page on some examples, and the same as a picture."""
    wanted = chosen(METHODS)
    options = with_options([], wanted, None, min(album.source.shape[:2]))
    rows, pictures = [], []
    for example in examples:
        pixels = album[example.index]
        x = album.prepare(pixels[None])
        network = (album.model, album.variables)
        shown = shown_by(wanted, options, *network, x, pixels, target(example), skip=True)
        rows.append(row(example, pixels, shown, names))
        pictures.append(method_grid(pixels, question(example, names), shown))
    about = "; ".join(f"{method.name}: {method.paper}" for method in wanted)
    asked = (
        "why what was said, rather than the true class (the difference of their logits)"
        if heading == "Mistakes"
        else "the logit of the class"
    )
    note = f"Explained: {asked}. {about}."
    return html.section(heading, *rows, note=note), stacked(pictures)


def target(example: Example) -> Logit | Difference:
    """Return what is explained of a prediction."""
    # Arrays, not ints: another class is then no other program.
    said, true = (Logit(np.array([k])) for k in (example.predicted, example.label))
    return said if example.right else Difference(said, true)


def question(example: Example, names: Sequence[str]) -> str:
    """Return the same in words."""
    said = names[example.predicted]
    return f"image {example.index:,}: {said}" + (
        "" if example.right else f" rather than {names[example.label]}"
    )


def row(example: Example, pixels: np.ndarray, shown: Sequence[Shown], names: Sequence[str]) -> str:
    """Return an image with what was said of it and its maps."""
    said, true = names[example.predicted], names[example.label]
    bars = html.guess(("✓ " if example.right else "✗ ") + said, example.probability, example.right)
    if not example.right:
        bars += html.guess(true, example.label_probability, True)
    first = (
        f'<figure><div class="frame">{html.photo(pixels, said)}</div><figcaption>{bars}'
        f'<span class="id">{escape(question(example, names))}</span></figcaption></figure>'
    )
    maps = "".join(figure(one, brief=True) for one in shown)
    return f'<div class="gallery maps">{first}{maps}</div>'


def parts(
    album: SplitAlbum, names: Sequence[str], embedded: int, tell: Callable[[str], None]
) -> Iterator[Part]:
    """Yield the chapter: filters, feature maps, units, directions, embeddings."""
    tell("filters")
    made = chapter.filters_picture(album.model, album.variables, album.blank)
    yield "Filters of the first layer", "filters", made
    layers = map_layers(album)
    for at in layers:
        for i, image in enumerate(album.thinned(IMAGES).batches().__next__(), 1):
            tell(f"feature maps of {at}")
            made = chapter.maps_picture(album.model, album.variables, image[None], at)
            yield f"Feature maps of {at}, image {i}", f"maps-{at}-{i}", made
    many = album.thinned(BEST_OF)
    for at in dict.fromkeys(layers[len(layers) // 2 :: max(1, len(layers) // 2)]):
        tell(f"units of {at}")
        made = chapter.units_picture(many, at, chapter.units_of(many, at))
        yield f"What excites units of {at}", f"units-{at}", made
    if layers:
        tell(f"directions of {layers[-1]}")
        made = chapter.units_picture(many, layers[-1], chapter.directions_of(many, layers[-1]))
        yield f"What excites random directions of {layers[-1]}", "directions", made
    yield from embeddings(album.thinned(embedded), names, tell)


def embeddings(
    album: SplitAlbum, names: Sequence[str], tell: Callable[[str], None]
) -> Iterator[Part]:
    """Yield maps of the images by PCA and by t-SNE, coloured by their true classes."""
    tell("embedding")
    vectors = explain.embed(album.model, album.variables, album.batches())
    about = f"{len(vectors):,} images by the {vectors.shape[1]:,} features before the last layer"
    for name, project in PROJECTIONS.items():
        tell(f"embedding by {name}")
        points, note = project(vectors)
        labels = [int(label) for label in album.source.labels]
        made = chapter.embedding_picture(album, points, labels, names, f"{about}; {note}")
        yield f"Embedding by {name}, colours are true classes", f"embedding-{name.lower()}", made


def map_layers(album: SplitAlbum) -> list[str]:
    """Return some layers with maps, from the first to the last, of those at the model's top."""
    places = list_taps(album.model, album.blank.shape, "*", variables=album.variables)
    shapes = {name: getattr(spec, "shape", ()) for name, spec in places.items()}
    found = [name for name, s in shapes.items() if len(s) == 4 and s[1] * s[2] > 1]
    chosen = np.unique(np.linspace(0, len(found) - 1, LAYERS).round().astype(int)) if found else []
    return [found[i] for i in chosen]


def stacked(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures below each other, white beside the narrower ones."""
    width = max(picture.shape[1] for picture in pictures)
    return np.concatenate(
        [
            np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=255)
            for p in pictures
        ]
    )


def save(path: Path, image: np.ndarray) -> None:
    """Write a picture."""
    write_atomically(path, html.encode(image))
