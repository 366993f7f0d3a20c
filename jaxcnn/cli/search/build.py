"""`jaxcnn search build`: an index of the images in a folder."""

import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.answer import Answer, skipped_lines, some_read
from jaxcnn.cli.options import Json, OwnWeights, Tag
from jaxcnn.cli.progress import cleared, tell
from jaxcnn.cli.search.describer import (
    DEFAULT,
    Describer,
    Recipe,
    Vectors,
    digest,
    name_of,
    prepare,
    projection_of,
    shown_name,
)
from jaxcnn.images import ImageError
from jaxcnn.images.files import image_files
from jaxcnn.retrieval import (
    Approximate,
    Index,
    IndexFolderError,
    Projection,
    equal_contents,
    fit_projection,
    near_duplicates,
)
from jaxcnn.retrieval.manifest import NAME

SAVED = 256
"""Images after which what is done is safe."""
TUNED = 200
"""Images that approximate search is tuned for."""
SEGMENTS = 16
"""Files of vectors above which they become one."""

Errors = dict[Path, ImageError]


def build(
    images: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")],
    /,
    *,
    index: Annotated[Path, tyro.conf.arg(metavar="DIR")] = DEFAULT,
    model: str = "efficientnet_lite0",
    tag: Tag = None,
    weights: OwnWeights = None,
    at: Annotated[str | None, tyro.conf.arg(metavar="LAYER")] = None,
    pool: Literal["gem", "spoc", "mac", "rmac", "crow", "code"] = "gem",
    scales: tuple[float, ...] = (1.0,),
    fit: Annotated[tuple[str, ...], tyro.conf.arg(metavar="IMAGES")] = (),
    dims: int = 0,
    whiten: bool = True,
    near: Annotated[float | None, tyro.conf.arg(metavar="COSINE")] = None,
    prune: tyro.conf.FlagCreatePairsOff[bool] = False,
    approximate: tyro.conf.FlagCreatePairsOff[bool] = False,
    batch_size: int = 32,
    as_json: Json = False,
) -> Answer:
    """Make an index of images, or bring one up to date; what is already there is not done again.

    An interrupted call loses 256 images at most: the same command goes on. Files that changed
    are described anew.

    Args:
        images: Files, folders (searched at any depth) and patterns such as 'photos/*.jpg'.
        index: Folder of the index.
        model: Name of the model; see jaxcnn list.
        at: Layer; by default the last one with maps. Layers are called as in jaxcnn summary.
        pool: How the maps of the layer become a vector.
        scales: Sizes at which an image is seen, such as 1 0.707 0.5.
        fit: Other images, to which PCA with whitening is fitted; needs --dims.
        dims: Coordinates that PCA keeps; needs --fit.
        whiten: Whether PCA gives all axes the same variance.
        near: Tell also groups of images with at least this cosine, in (0, 1].
        prune: Take out of the index what is no longer in the folders.
        approximate: Prepare also approximate search, for millions of images; needs faiss.
        batch_size: Images that are computed at once.
        as_json: Print JSON.
    """
    check(dims, fit, near, batch_size)
    began, files = time.monotonic(), image_files(images)
    own = None if weights is None else str(weights.absolute())
    describer = prepare(Recipe(model, tag, own, at, pool, scales))
    with cleared():
        opened = opened_or_made(index, describer, fit, dims, whiten, batch_size)
        errors, counts = updated(opened, describer, files, batch_size)
        counts["removed"] = pruned(opened, files, images) if prune else 0
    some_read(len(opened), errors)
    recall = prepared(opened) if approximate else None
    equal = named(opened, equal_contents(opened.digests))
    alike = near_duplicates(opened.vectors(opened.ids), threshold=near) if near else []
    skipped = [{"file": str(file), "reason": str(e)} for file, e in errors.items()]
    data = {
        "index": str(index),
        "model": model,
        "layer": describer.at,
        "pool": pool,
        "dims": opened.dim,
        "count": len(opened),
        **counts,
        "approximate_recall": recall,
        "seconds": round(time.monotonic() - began, 3),
        "equal": equal,
        "near": named(opened, alike),
        "skipped": skipped,
    }
    return Answer(json.dumps(data, indent=1) if as_json else as_text(data), skipped_lines(errors))


def check(dims: int, fit: Sequence[str], near: float | None, batch_size: int) -> None:
    """Raise where the words mean nothing, before anything is loaded."""
    report = Report("search build")
    report.count("--batch-size", batch_size)
    report.count("--dims", dims, low=0)
    fine = near is None or 0 < near <= 1
    report.expect(fine, "--near", near, "must lie in (0, 1]", "use --near 0.99")
    both = bool(fit) == bool(dims)
    rule, fix = "--fit and --dims go together", "give images to fit on, and how much to keep"
    report.expect(both, "--dims" if dims else "--fit", dims or fit, rule, fix)
    report.done()


def opened_or_made(
    folder: Path, describer: Describer, fit: Sequence[str], dims: int, whiten: bool, size: int
) -> Index:
    """Return the index that is there, which must be of the same making, or an empty one."""
    if (folder / NAME).exists():
        index = Index.open(folder)
        index.check(describer.about(projection_of(index)))
        if dims and dims != index.dim:
            raise IndexFolderError(
                f"{folder}: has vectors of {index.dim} coordinates, not --dims {dims}; name "
                "another folder, or leave --fit and --dims out"
            )
        return index
    projection = fitted(describer, image_files(fit), dims, whiten, size) if fit else None
    blank = describer.meta.transforms.pixels(np.zeros((8, 8, 3), np.uint8))
    dim = describer.vectors(np.repeat(blank, size, 0), projection).shape[1]
    arrays = projection and projection._asdict()
    notes = dataclasses.asdict(describer.recipe)
    return Index.create(folder, dim, describer.about(projection), notes=notes, arrays=arrays)


def fitted(
    describer: Describer, files: Sequence[Path], dims: int, whiten: bool, size: int
) -> Projection:
    """Return the projection that images make, which are then forgotten."""
    found, done = [], 0
    for batch in describer.batches(files, size, None, regions=True):
        done += size
        tell(f"fitting: {min(done, len(files)):,} of {len(files):,} images")
        if batch.files:
            found.append(batch.vectors.reshape(-1, batch.vectors.shape[-1]))
    some_read(len(found), dict.fromkeys(files, ImageError("no image of --fit can be read")))
    return fit_projection(np.concatenate(found), dims, whiten=whiten)


def updated(
    index: Index, describer: Describer, files: Sequence[Path], size: int
) -> tuple[Errors, dict[str, int]]:
    """Add what is new or changed, safe after every few batches."""
    known = dict(zip(index.names, index.digests, strict=True))
    errors: Errors = {}
    fresh: dict[Path, str] = {}
    for done, file in enumerate(files):
        if done % 100 == 0:
            tell(f"looking for changes: {done:,} of {len(files):,} files")
        try:
            content = digest(file)
        except OSError as error:
            errors[file] = ImageError(f"{file} cannot be read: {error.strerror}")
            continue
        if known.get(name_of(file)) != content:
            fresh[file] = content
    changed = 0
    chunk = max(SAVED // size, 1) * size
    order, projection = list(fresh), projection_of(index)
    began = time.monotonic()
    for start in range(0, len(order), chunk):
        part = order[start : start + chunk]
        batches = list(describer.batches(part, size, projection))
        errors |= {file: error for batch in batches for file, error in batch.errors.items()}
        full = [batch for batch in batches if batch.files]
        if full:
            changed += added(index, full, fresh, known)
        done = start + len(part)
        rate = done / (time.monotonic() - began)
        tell(f"{done:,} of {len(order):,} images, {rate:,.1f} images/s")
    if index.segments > SEGMENTS:
        index.merge()
    there = len(files) - len(fresh) - sum(f not in fresh for f in errors)
    return errors, {
        "added": len(fresh) - changed - sum(f in fresh for f in errors),
        "changed": changed,
        "unchanged": there,
    }


def added(
    index: Index, batches: Sequence[Vectors], fresh: dict[Path, str], known: dict[str, str]
) -> int:
    """Add some batches; return how many replaced what was there."""
    files = [file for batch in batches for file in batch.files]
    names = [name_of(file) for file in files]
    old = [name for name in names if name in known]
    if old:
        index.delete(old)
    vectors = np.concatenate([batch.vectors for batch in batches])
    index.add(vectors, names, digests=[fresh[file] for file in files])
    return len(old)


def pruned(index: Index, files: Sequence[Path], places: Sequence[str]) -> int:
    """Take out what lies in one of the folders no more; return how many."""
    there = {name_of(file) for file in files}
    roots = [name_of(Path(p).expanduser()) for p in places if Path(p).expanduser().is_dir()]
    gone = [
        name
        for name in index.names
        if name not in there and any(name.startswith(f"{root}/") for root in roots)
    ]
    return index.delete(gone) if gone else 0


def prepared(index: Index) -> float:
    """Prepare approximate search; return its recall at 10 for some images of the index."""
    ids = index.ids
    some = ids[np.random.default_rng(0).permutation(len(ids))[:TUNED]]
    found = Approximate.build(index)
    recall = found.tune(index, index.vectors(some), k=min(10, len(ids)))
    found.save(index)
    return round(recall, 4)


def named(index: Index, groups: Sequence[Sequence[int]]) -> list[list[str]]:
    """Return groups of positions as names."""
    names = index.names
    return [[shown_name(names[i]) for i in members] for members in groups]


def as_text(data: dict[str, Any]) -> str:
    """Return what was made, in lines."""
    counts = [f"{data[key]:,} {key}" for key in ("added", "changed", "unchanged", "removed")]
    lines = [
        f"{data['index']}: {data['count']:,} images, {data['dims']} coordinates each "
        f"({data['model']}, {data['layer']}, {data['pool']})",
        f"{', '.join(counts)}; {data['seconds']:.1f} s",
    ]
    if data["approximate_recall"] is not None:
        lines.append(f"approximate search finds {data['approximate_recall']:.1%} of the 10 best")
    for key, title in (("equal", "equal files"), ("near", "nearly equal images")):
        lines += [f"{title}: {', '.join(members)}" for members in data[key][:20]]
        if len(data[key]) > 20:
            lines.append(f"and {len(data[key]) - 20:,} more groups of {title}")
    return "\n".join(lines)
