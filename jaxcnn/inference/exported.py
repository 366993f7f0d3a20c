"""Networks as files that need no code of the network: a program, its weights, what is known."""

import dataclasses
import functools
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import export
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from jaxcnn.checks import Report
from jaxcnn.images.stretch import Stretch
from jaxcnn.images.transform import ImageTransform
from jaxcnn.inference.predictor import Meta, Predictor, compile_ahead
from jaxcnn.inference.serving import image_shape, logits, serving
from jaxcnn.typing import Dtype, Variables

PROGRAM, WEIGHTS, ABOUT = "program.stablehlo", "variables.safetensors", "about.json"
FORMAT = 1
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
TRANSFORMS = {kind.__name__: kind for kind in (ImageTransform, Stretch)}


def save(
    path: str | Path,
    model: nn.Module,
    variables: Variables,
    meta: Meta,
    *,
    dtype: Dtype | None = None,
    fold: bool = True,
    platforms: Sequence[str] = (),
) -> None:
    """Write a network for inference as one file: StableHLO, weights and preprocessing.

    The program takes bytes of any number of images and normalises them itself. The file is read
    by `load` without this network's code, or by other programs: it is a ZIP archive of what
    `jax.export` serialises, a `.safetensors` file, and JSON. Nothing in it is ever executed but
    the program.

    Args:
        path: The file to write.
        model: A classifier.
        variables: Its variables.
        meta: As for `predictor`; its transforms are an `ImageTransform` or a `Stretch`.
        dtype: As for `predictor`.
        fold: As for `predictor`.
        platforms: Which the program is for, of cpu, cuda, rocm, tpu; none for that of this
            process.

    Raises:
        ValueError: If an argument cannot be meant.
        ImportError: If the package flatbuffers is missing: pip install 'jaxcnn[export]'.

    Example:
        >>> from jaxcnn import load_pretrained
        >>> save("lite0.jaxcnn", *load_pretrained("efficientnet_lite0"))  # doctest: +SKIP

    Source: https://docs.jax.dev/en/latest/export/export.html
    """
    report = Report("save")
    for platform in platforms:
        report.choice("platforms", platform, PLATFORMS)
    kind = type(meta.transforms).__name__
    rule, fix = f"must be one of {', '.join(TRANSFORMS)}", "prepare images by one of these"
    report.expect(kind in TRANSFORMS, "meta.transforms", kind, rule, fix)
    report.done()
    model, variables = serving(model, variables, meta.transforms, dtype=dtype, fold=fold)
    shape = image_shape(meta.transforms)
    (count,) = export.symbolic_shape("batch")
    specs = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), variables)
    program = export.export(
        jax.jit(logits(model, meta.transforms)), platforms=list(platforms) or None
    )(specs, jax.ShapeDtypeStruct((count, *shape), np.uint8))
    flat = {"/".join(k): np.asarray(v) for k, v in flatten_dict(variables).items()}
    about = {
        "format": FORMAT,
        "name": getattr(meta, "name", type(model).__name__),
        "shape": shape,
        "transforms": {"kind": kind, **dataclasses.asdict(meta.transforms)},  # type: ignore
        "categories": list(meta.categories),
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(ABOUT, json.dumps(about))
        archive.writestr(PROGRAM, bytes(program.serialize()))
        archive.writestr(WEIGHTS, safetensors.save(flat))


def load(path: str | Path, *, batch_size: int = 32) -> Predictor:
    """Read a file that `save` wrote, and compile its program.

    Args:
        path: The file.
        batch_size: Images that are computed at once, >= 1.

    Returns:
        The predictor.

    Raises:
        ValueError: If it is no such file, a damaged one, or for other platforms.

    Example:
        >>> load("lite0.jaxcnn")("palace.jpg").argmax()  # doctest: +SKIP
        698
        >>> load(__file__)
        Traceback (most recent call last):
        ValueError: ...exported.py: is not a file that jaxcnn.inference.save wrote: ...
    """
    report = Report("load")
    report.count("batch_size", batch_size)
    report.done()
    try:
        with zipfile.ZipFile(path) as archive:
            about, program, weights = (archive.read(n) for n in (ABOUT, PROGRAM, WEIGHTS))
        return restored(json.loads(about), program, weights, batch_size)
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError, SafetensorError) as error:
        raise ValueError(
            f"{path}: is not a file that jaxcnn.inference.save wrote: {error}"
        ) from error


def restored(about: dict[str, Any], program: bytes, weights: bytes, batch_size: int) -> Predictor:
    """Return the predictor of what a file holds."""
    exported = export.deserialize(bytearray(program))
    here = jax.default_backend().replace("gpu", "cuda")
    report = Report("load")
    rule, fix = f"must be among {exported.platforms}, for which it was saved", "save it for this"
    report.expect(here in exported.platforms, "platform", here, rule, fix)
    report.done()
    flat = {tuple(k.split("/")): v for k, v in safetensors.load(weights).items()}
    variables, shape = jax.device_put(unflatten_dict(flat)), tuple(about["shape"])
    run = compile_ahead(exported.call, variables, (batch_size, *shape))
    fields: dict[str, Any] = {k: as_tuple(v) for k, v in about["transforms"].items()}
    transforms = TRANSFORMS[fields.pop("kind")](**fields)
    return Predictor(
        functools.partial(run, variables),
        transforms,
        shape,
        batch_size,
        tuple(about["categories"]),
        about["name"],
    )


def as_tuple(value: Any) -> Any:
    """Return a list as a tuple, which JSON does not know."""
    return tuple(value) if isinstance(value, list) else value
