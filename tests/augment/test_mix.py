import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxcnn.augment import cutmix, example_keys, mixup
from tests.augment.batch import keys, pixels

MIXES = {"mixup": mixup, "cutmix": cutmix}
jitted = {
    name: jax.jit(mix, static_argnames=("num_classes", "alpha")) for name, mix in MIXES.items()
}


def flat(count):
    """Even images are black and of class 0, odd ones white and of class 1: shares can be seen."""
    odd = np.arange(count) % 2
    images = np.broadcast_to(odd[:, None, None, None], (count, 10, 12, 1)).astype(np.float32)
    return images, odd


@pytest.mark.parametrize("name", MIXES)
def test_labels_are_mixed_as_the_images_are(name):
    images, labels = flat(400)
    mixed, soft = jitted[name](keys(400), images, labels, num_classes=3, alpha=1.0)
    shares = np.asarray(mixed).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(soft[:, 1], shares, atol=1e-5)
    np.testing.assert_allclose(np.sum(soft, 1), 1, atol=1e-6)
    assert (np.asarray(soft)[:, 2] == 0).all()
    own = np.where(labels, shares, 1 - shares)
    assert own.max() > 0.97
    if name == "mixup":
        assert 0 <= own.min() < 0.03
        assert abs(own.mean() - 0.5) < 0.05  # Beta(1, 1): uniform
        assert abs(own.std() - 12**-0.5) < 0.03
    else:
        assert set(np.unique(mixed)) == {0.0, 1.0}


def test_alpha_is_that_of_a_beta_distribution():
    images, labels = flat(2000)
    shares = jitted["mixup"](keys(2000), images, labels, num_classes=2, alpha=0.2)[1][:, 0]
    assert abs(np.std(shares) - (1 / (4 * 1.4)) ** 0.5) < 0.01


def test_pasted_rectangles_come_from_the_neighbour():
    images = pixels((40, 7, 9, 3))
    mixed, soft = jitted["cutmix"](keys(40), images, np.arange(40), num_classes=40, alpha=1.0)
    partners = images.reshape(20, 2, 7, 9, 3)[:, ::-1].reshape(images.shape)
    pasted = (np.asarray(mixed) != images).any(-1)
    np.testing.assert_array_equal(np.asarray(mixed)[pasted], partners[pasted])
    share = np.asarray(soft)[np.arange(40), np.arange(40) ^ 1]
    np.testing.assert_allclose(share, pasted.mean(axis=(1, 2)), atol=1e-6)
    for mask in pasted:
        assert mask.sum() == mask.any(0).sum() * mask.any(1).sum()


@pytest.mark.parametrize("name", MIXES)
def test_an_example_that_does_not_count_is_mixed_into_none(name):
    images, labels = pixels((4, 5, 5, 1)), np.array([1, -1, 2, 0])
    mask = np.array([True, False, True, True])
    mixed, soft = jitted[name](keys(4), images, labels, num_classes=3, alpha=1.0, mask=mask)
    np.testing.assert_array_equal(mixed[0], images[0])
    np.testing.assert_array_equal(soft[0], [0, 1, 0])
    assert np.isfinite(soft[2:]).all()
    unmasked = jitted[name](keys(4), images, labels, num_classes=3, alpha=1.0)[1]
    assert np.isnan(unmasked[0]).all()  # a wrong class is seen, not lost


@pytest.mark.parametrize("name", MIXES)
def test_eight_devices_mix_as_one(name):
    images, labels = pixels((16, 4, 4, 1)), np.arange(16) % 3
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    mix = functools.partial(MIXES[name], num_classes=3, alpha=1.0)

    def shard(images, labels):
        first = jax.lax.axis_index("data") * images.shape[0]
        drawn = example_keys(jax.random.key(7), 0, first + jnp.arange(images.shape[0]))
        return mix(drawn, images, labels)

    split = jax.jit(jax.shard_map(shard, mesh=mesh, in_specs=P("data"), out_specs=P("data")))
    for one, eight in zip(
        jitted[name](keys(16), images, labels, num_classes=3, alpha=1.0),
        split(images, labels),
        strict=True,
    ):
        np.testing.assert_array_equal(one, eight)


def test_soft_labels_are_mixed_again():
    images, labels = flat(2)
    soft = np.array([[0.5, 0.5, 0], [0, 0, 1]], np.float32)
    options = {"num_classes": 3, "alpha": 1.0}
    share = jitted["mixup"](keys(2), images, labels, **options)[1][:, labels[0]]
    mixed = jitted["mixup"](keys(2), images, soft, **options)[1]
    expected = share[:, None] * soft[0][None] + (1 - share[:, None]) * soft[1][None]
    np.testing.assert_allclose(mixed, expected, atol=1e-6)


GOOD = pixels((2, 4, 5, 3))


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((3, pixels((3, 4, 4, 1)), [0, 1, 2]), {}, "must hold an even number"),
        ((2, GOOD, [0, 1, 2]), {}, r"labels=.*must be classes \(2,\) or distributions \(2, 3\)"),
        ((2, GOOD, [0.0, 1.0]), {}, "labels=.*must be integers"),
        ((2, GOOD, [0, 1]), {"alpha": 0}, "alpha=0: must be a number > 0"),
        ((2, GOOD, [0, 1]), {"mask": [True]}, r"mask=\[True\]: must have shape \(2,\)"),
    ],
)
@pytest.mark.parametrize("name", MIXES)
def test_bad_input(name, arguments, options, text):
    count, images, labels = arguments
    with pytest.raises((ValueError, TypeError), match=f"(?s){name}.*{text}"):
        MIXES[name](keys(count), images, labels, num_classes=3, **options)
