"""A network at work: the logits of the model, whatever the batches, also from a file."""

import functools
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model, inference
from jaxcnn.images import ImageError, ImageTransform, Stretch
from jaxcnn.inference.exported import ABOUT, WEIGHTS
from jaxcnn.inference.serving import logits
from tests.models.reduced import REDUCED
from tests.models.test_fold import random_variables

close = functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-5)


class Meta:
    name = "tiny"
    transforms = ImageTransform(crop=6, resize=8)
    categories = ("cat", "dog")


@pytest.fixture(scope="module")
def network():
    """A small network with batch norms, images of two sizes, and its logits for them."""
    model = create_model("convnet", stages=[[4, 1, True]], hidden=[], num_classes=2)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (9 + i % 2, 12, 3), np.uint8) for i in range(5)]
    x = Meta.transforms(images)
    variables = random_variables(model, x)
    return model, variables, images, np.asarray(jax.jit(model.apply)(variables, x))


@pytest.fixture(scope="module")
def folded(network):
    model, variables, *_ = network
    return inference.predictor(model, variables, Meta, batch_size=2)


def test_logits_are_those_of_the_model(network, folded):
    _, _, images, expected = network
    close(folded(images), expected)
    close(folded(images[0]), expected[:1])
    close(folded.of_pixels(Meta.transforms.pixels(images)), expected)
    assert (folded.shape, folded.categories, folded.name) == ((6, 6, 3), ("cat", "dog"), "tiny")


def test_what_cannot_be_read_is_told_in_its_batch(network, folded):
    _, _, images, expected = network
    found = list(folded.batches([images[0], b"damaged", b"too", b"late", images[1]]))
    assert [batch.indices for batch in found] == [[0], [], [4]]
    assert [sorted(batch.errors) for batch in found] == [[1], [2, 3], []]
    close(found[2].logits, expected[1:2])
    with pytest.raises(ImageError):
        folded([images[0], b"damaged"])


def test_equal_networks_share_a_program(network, folded):
    model, variables, *_ = network
    again = inference.predictor(model.clone(), variables, Meta, batch_size=2)
    assert again.program.func is folded.program.func  # type: ignore[attr-defined]


def test_bfloat16_computes_in_it_and_returns_float32(network):
    model, variables, images, expected = network
    tell = inference.predictor(model, variables, Meta, batch_size=5, dtype=jnp.bfloat16)
    found = tell(images)
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_a_file_runs_without_the_code_of_its_network(network, tmp_path):
    pytest.importorskip("flatbuffers", reason="pip install 'jaxcnn[export]'")
    model, variables, images, expected = network
    path = tmp_path / "tiny.jaxcnn"
    inference.save(path, model, variables, Meta)
    for size in (1, 3):
        loaded = inference.load(path, batch_size=size)
        close(loaded(images), expected)
    assert (loaded.transforms, loaded.categories) == (Meta.transforms, Meta.categories)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    refused(tmp_path, parts | {ABOUT: b"{"}, "is not a file that jaxcnn.inference.save wrote")
    refused(tmp_path, parts | {WEIGHTS: b"junk"}, "is not a file that")
    missing = {name: parts[name] for name in (ABOUT, WEIGHTS)}
    refused(tmp_path, missing, "There is no item named 'program.stablehlo'")
    other = tmp_path / "tpu.jaxcnn"
    inference.save(other, model, variables, Meta, platforms=["tpu"])
    with pytest.raises(ValueError, match=r"platform='cpu': must be among \('tpu',\)"):
        inference.load(other)


def refused(folder, parts, message):
    path = folder / "broken.jaxcnn"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match=message):
        inference.load(path)


def test_misuse_is_told(network, folded):
    model, variables, images, _ = network
    with pytest.raises(ValueError, match="batch_size=0: must be >= 1"):
        inference.predictor(model, variables, Meta, batch_size=0)
    with pytest.raises(ValueError, match=r"must be uint8 \(N, 6, 6, 3\)"):
        folded.of_pixels(np.zeros((1, 6, 6, 3)))
    with pytest.raises(ValueError, match="platforms='mps': must be one of"):
        inference.save("x", model, variables, Meta, platforms=["mps"])

    class Other:
        transforms = None
        categories = ()

    with pytest.raises(ValueError, match="meta.transforms='NoneType': must be one of"):
        inference.save("x", model, variables, Other)


@pytest.mark.slow
@pytest.mark.parametrize("family", REDUCED)
def test_every_family_exports_with_any_number_of_images(family):
    export = pytest.importorskip("jax.export")
    row = REDUCED[family]
    model = create_model(row.name, num_classes=2, **row.fields)
    height, width, channels = row.shape
    spec = jax.ShapeDtypeStruct((1, *row.shape), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), spec)
    prepare = Stretch(height, (0.5,) * channels, (0.5,) * channels)
    (count,) = export.symbolic_shape("n")
    pixels = jax.ShapeDtypeStruct((count, height, width, channels), jnp.uint8)
    serve = jax.jit(logits(model, prepare))
    program = export.export(serve, platforms=["cpu", "cuda", "tpu"])(variables, pixels)
    assert str(program.out_avals[0].shape[0]) == "n"
