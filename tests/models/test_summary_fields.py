"""`summary` of known networks: torchvision's totals, and receptive fields as gradients see them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxcnn
from jaxcnn import blocks, layers, ops
from jaxcnn.ops import Sliding

VGG16 = (64, 64, "M", 128, 128, "M", *(256,) * 3, "M", *(512,) * 3, "M", *(512,) * 3, "M")
ALEXNET = ((11, 4, 2, 64), (3, 2), (5, 1, 2, 192), (3, 2), (3, 1, 1, 384), (3, 1, 1, 256),
           (3, 1, 1, 256), (3, 2))  # fmt: skip


class Alex(nn.Module):
    @nn.compact
    def __call__(self, x):
        for entry in ALEXNET:
            if len(entry) == 2:
                x = layers.max_pool(x, (entry[0],) * 2, (entry[1],) * 2)
            else:
                k, stride, padding, features = entry
                x = nn.relu(layers.Conv(features, (k, k), (stride, stride), padding)(x))
        x = ops.adaptive_avg_pool(x, 6)
        x = x.reshape(x.shape[0], -1)
        for features in (4096, 4096, 1000):
            x = nn.Dense(features)(x)
        return x


class Vgg(nn.Module):
    @nn.compact
    def __call__(self, x):
        for entry in VGG16:
            if entry == "M":
                x = nn.max_pool(x, (2, 2), (2, 2))
            else:
                x = nn.relu(nn.Conv(entry, (3, 3))(x))
        x = ops.adaptive_avg_pool(x, 7)
        x = x.reshape(x.shape[0], -1)
        for features in (4096, 4096, 1000):
            x = nn.Dense(features)(x)
        return x


class ResNet18(nn.Module):
    @nn.compact
    def __call__(self, x, train: bool = False):
        conv = partial(layers.Conv, use_bias=False)
        norm = partial(layers.BatchNorm, use_running_average=not train)
        x = nn.relu(norm(name="norm")(conv(64, (7, 7), 2, 3, name="stem")(x)))
        x = layers.max_pool(x, (3, 3), (2, 2), 1)
        block = partial(blocks.BasicBlock, norm=norm)
        for i, features in enumerate((64, 128, 256, 512), 1):
            for j in (1, 2):
                stride = 2 if i > 1 and j == 1 else 1
                x = block(features, stride=stride, name=f"stage{i}_block{j}")(x)
        return nn.Dense(1000, name="head")(x.mean((1, 2)))


# Parameters and giga multiply-adds as torchvision gives them.
REFERENCE = {
    "alexnet": (Alex(), 61_100_840, 0.714),
    "vgg16": (Vgg(), 138_357_544, 15.470),
    "resnet18": (ResNet18(), 11_689_512, 1.814),
}


@pytest.fixture(scope="module")
def found():
    return {name: jaxcnn.summary(net, (224, 224, 3)) for name, (net, *_) in REFERENCE.items()}


@pytest.mark.parametrize("name", REFERENCE)
def test_totals_are_those_of_torchvision(name, found):
    _, params, giga = REFERENCE[name]
    seen = found[name]
    assert seen.total_params == params
    assert abs(seen.total_macs / 1e9 - giga) < 0.001
    assert sum(row.params for row in seen.rows) == seen.total_params
    assert sum(row.macs for row in seen.rows) == seen.total_macs


def sliding(name):
    if name == "alexnet":
        return [Sliding(e[0], e[1], e[2] if len(e) > 2 else 0) for e in ALEXNET]
    if name == "vgg16":
        return [Sliding(2, 2) if e == "M" else Sliding(3, 1, 1) for e in VGG16]
    main = [Sliding(7, 2, 3), Sliding(3, 2, 1)]
    for stage in range(4):
        main += [Sliding(3, 2 if stage else 1, 1), *[Sliding(3, 1, 1)] * 3]
    return main


@pytest.mark.parametrize("name", REFERENCE)
def test_receptive_fields_are_those_of_the_stack(name, found):
    # Each layer of the main path has the field of the layers up to it; a shortcut sees less.
    path = sliding(name)
    want = [ops.receptive_field(path[: i + 1]) for i in range(len(path))]
    rows = [r for r in found[name].rows if r.kernel and "shortcut" not in r.path]
    assert [(r.field, r.jump) for r in rows] == [((w.size,) * 2, (w.stride,) * 2) for w in want]
    assert found[name].rows[-1].field == ("all", "all")


class Decoder(nn.Module):
    """Downsamples, upsamples by stamps and by zeros, and joins a cropped skip."""

    @nn.compact
    def __call__(self, x):
        skip = layers.Conv(2, (3,), padding="VALID", name="a")(x)
        x = layers.avg_pool(skip, (2,), (2,))
        x = layers.Conv(2, (3,), padding="VALID", kernel_dilation=2, name="b")(x)
        x = layers.ConvTranspose(2, (2,), (2,), "VALID", name="up")(x)
        x = jnp.concatenate([skip[:, 3 : 3 + x.shape[1]], x], -1)
        x = layers.Conv(2, (2,), padding="VALID", name="c")(x)
        return nn.ConvTranspose(1, (3,), (3,), name="far")(x)


def test_fields_of_a_decoder_are_those_of_its_gradients():
    net, shape = Decoder(), (1, 40, 1)
    row = jaxcnn.summary(net, shape, batched=True).rows[-1]
    x = jnp.ones(shape)
    variables = jax.eval_shape(net.init, jax.random.key(0), x)
    ones = jax.tree.map(lambda v: jnp.ones(v.shape), variables)
    jacobian = jax.jit(jax.jacrev(lambda x: net.apply(ones, x)[0, :, 0]))(x)[:, 0, :, 0]
    seen = [np.flatnonzero(g) for g in np.asarray(jacobian)[12:-12]]
    assert row.field == (max(i[-1] - i[0] + 1 for i in seen if len(i)),)
    assert row.jump == (pytest.approx(1 / 3),)
