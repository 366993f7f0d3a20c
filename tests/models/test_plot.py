"""`plot`: the graph is that of the values."""

from functools import partial
from xml.etree import ElementTree

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

import jaxcnn
from jaxcnn import blocks, layers
from jaxcnn.models import create_model
from jaxcnn.models.inspect.fold import folded
from jaxcnn.models.inspect.graph import graph_of
from jaxcnn.models.inspect.layout import laid_out
from jaxcnn.models.inspect.trace import trace

norm = partial(layers.BatchNorm, use_running_average=True)


def graph(model, shape, depth):
    return graph_of(trace("plot", model, shape, None, np.float32, {}), depth)


def edges(seen):
    return {(seen.nodes[a].title, seen.nodes[b].title) for a, b in seen.edges}


def test_a_shortcut_and_its_sum_are_seen():
    seen = graph(blocks.BasicBlock(4, stride=2, norm=norm), (8, 8, 3), 1)
    assert edges(seen) == {
        ("input", "conv1"), ("input", "shortcut_conv"), ("conv1", "conv2"), ("conv2", "+"),
        ("shortcut_conv", "+"), ("+", "output"),
    }  # fmt: skip
    texts = {n.title: n.text for n in seen.nodes.values()}
    assert texts["conv1"] == "conv 3×3 /2, BN, relu"
    assert texts["+"] == "relu"


class UNet(nn.Module):
    @nn.compact
    def __call__(self, x):
        x, skip = blocks.UNetDown(4, norm=None, name="down")(x)
        x = blocks.DoubleConv(8, norm=None, name="bottom")(x)
        return blocks.UNetUp(4, norm=None, name="up")(x, skip)


def test_a_skip_of_a_unet_is_seen_at_every_depth():
    assert edges(graph(UNet(), (8, 8, 1), 1)) == {
        ("input", "down"), ("down", "bottom"), ("bottom", "up"), ("down", "up"), ("up", "output"),
    }  # fmt: skip
    deep = graph(UNet(), (8, 8, 1), 2)
    assert {("conv2", "concat"), ("up", "concat"), ("conv2", "pool")} < edges(deep)
    assert "transposed conv 2×2" in {n.text for n in deep.nodes.values()}


def test_a_gate_and_its_nonlinearity():
    class Gated(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Conv(3, (1, 1), name="body")(x)
            gate = nn.sigmoid(nn.Dense(3, name="gate")(x.mean((1, 2), keepdims=True)))
            return nn.silu(x) * gate

    seen = edges(graph(Gated(), (4, 4, 3), 1))
    assert {("body", "×"), ("gate", "×"), ("body", "pool"), ("pool", "gate")} < seen


def test_equal_blocks_are_folded_and_others_not():
    seen = folded(graph(create_model("resnet20"), (32, 32, 3), 3))
    assert seen.frames["stage1", "block1"] == 3
    assert seen.frames["stage2", "block2"] == 2
    assert seen.frames["stage2", "block1"] == 1
    (whole,) = [n for n in folded(graph(create_model("resnet20"), (32, 32, 3), 2)).nodes.values()
                if n.path == ("stage3", "block2")]  # fmt: skip
    assert whole.repeats == 2


def test_boxes_of_a_layer_do_not_overlap_and_edges_go_down():
    seen = graph(blocks.Branches(blocks.inception_v1(4, 4, 4, 2, 4, 4), norm=None), (8, 8, 3), 1)
    layout = laid_out(seen, lambda node: 50.0)
    for layer in layout.layers:
        places = [layout.x[point] for point in layer if point >= 0]
        assert all(b - a >= 50 for a, b in zip(places, places[1:], strict=False))
    level = {point: i for i, layer in enumerate(layout.layers) for point in layer}
    for line in layout.lines.values():
        assert [level[p] for p in line] == list(range(level[line[0]], level[line[-1]] + 1))


def test_the_image_is_xml_and_names_all():
    image = jaxcnn.plot(create_model("lenet5"), (32, 32, 1))
    root = ElementTree.fromstring(image)
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"input", "conv1", "conv 5×5, tanh", "fc2", "output", "28×28×6"} < set(texts)


def test_names_are_escaped():
    class Odd(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(2, name="a<b&c")(x) + jnp.ones(())

    ElementTree.fromstring(jaxcnn.plot(Odd(), (1, 3)))


def test_depth_must_be_positive():
    with pytest.raises(ValueError, match="depth=0: must be >= 1"):
        jaxcnn.plot(layers.Conv(2, (1, 1)), (4, 4, 3), depth=0)
