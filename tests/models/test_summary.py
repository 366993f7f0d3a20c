"""`summary` of modules of all kinds: what is counted, kept in memory, shown and refused."""

import json
from functools import partial

import jax
import pytest
from flax import linen as nn
from jax import lax

import jaxcnn
from jaxcnn import blocks, layers
from jaxcnn.models import create_model, model_info


class Foreign(nn.Module):
    """Raw operations, a module called twice, loops, remat and jit."""

    @nn.compact
    def __call__(self, x):
        kernel = self.param("kernel", nn.initializers.ones, (3, 3, x.shape[-1], 8))
        numbers = ("NHWC", "HWIO", "NHWC")
        x = lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=numbers)
        x = nn.max_pool(nn.relu(x), (2, 2), (2, 2))
        shared = nn.Conv(8, (3, 3), name="shared")
        x = nn.remat(nn.Conv)(8, (1, 1), name="again")(nn.jit(nn.Conv)(8, (1, 1), name="jit")(x))
        x = shared(shared(x))
        scan = nn.scan(Turn, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        x, _ = scan(name="turns")(x, None)
        return nn.Dropout(0.5, deterministic=True)(x)


class Turn(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        return nn.Conv(8, (3, 3), feature_group_count=8, name="conv")(x), None


FOREIGN = [  # path, type, output, parameters, multiply-adds, field, jump
    ("", "Foreign", (2, 8, 8, 8), 216, 0, 45, 4),
    ("conv", "conv", (2, 16, 16, 8), 0, 2 * 16 * 16 * 9 * 3 * 8, 3, 2),
    ("max_pool", "max_pool", (2, 8, 8, 8), 0, 0, 5, 4),
    ("jit", "Conv", (2, 8, 8, 8), 72, 2 * 64 * 64, 5, 4),
    ("again", "Conv", (2, 8, 8, 8), 72, 2 * 64 * 64, 5, 4),
    ("shared", "Conv", (2, 8, 8, 8), 584, 2 * 64 * 64 * 9, 13, 4),
    ("shared#2", "Conv", (2, 8, 8, 8), 0, 2 * 64 * 64 * 9, 21, 4),
    ("turns/conv", "Conv", (2, 8, 8, 8), 3 * 80, 3 * 2 * 64 * 8 * 9, 45, 4),
    ("Dropout_0", "Dropout", (2, 8, 8, 8), 0, 0, 45, 4),
]


def test_a_foreign_module_is_taken_apart():
    rows = jaxcnn.summary(Foreign(), (2, 32, 32, 3)).rows
    got = [(r.path, r.kind, r.output_shape, r.params, r.macs, r.field[0], r.jump[0]) for r in rows]
    assert got == FOREIGN
    assert rows[-2].times == 3


# layer, shape, batched, multiply-adds: the textbook's, whatever computes it
COUNTS = [
    (layers.Conv(6, (1, 1)), (4, 4, 3), None, 16 * 18),
    (layers.Conv(6, (3, 3), feature_group_count=3), (4, 4, 3), None, 16 * 9 * 6),
    (layers.Conv(6, (3, 3), feature_group_count=2), (4, 4, 4), None, 16 * 9 * 2 * 6),
    (layers.Conv(6, (3,)), (10, 2), False, 10 * 3 * 12),
    (layers.Conv(6, (3, 3, 3), padding="VALID"), (5, 5, 5, 2), False, 27 * 27 * 12),
    (layers.Conv(6, (3, 3), kernel_dilation=2), (2, 4, 4, 3), None, 2 * 16 * 9 * 18),
    (layers.ConvTranspose(6, (2, 2), (2, 2)), (4, 4, 3), None, 16 * 4 * 18),
    (layers.ConvTranspose(6, (3, 3), (2, 2)), (4, 4, 3), None, 16 * 9 * 18),
    (nn.ConvTranspose(6, (3, 3), (2, 2)), (4, 4, 3), None, 16 * 9 * 18),
    (nn.ConvLocal(6, (3, 3), padding="VALID"), (4, 4, 3), None, 4 * 9 * 18),
    (nn.Dense(7), (5, 3), None, 5 * 21),
    (nn.BatchNorm(), (4, 4, 3), None, 0),
]


@pytest.mark.parametrize(("layer", "shape", "batched", "count"), COUNTS)
def test_multiply_adds(layer, shape, batched, count):
    assert jaxcnn.summary(layer, shape, batched=batched).total_macs == count


def test_resizing_is_no_multiply_add_and_its_field_is_not_known():
    net = nn.Sequential(
        [lambda x: jax.image.resize(x, (1, 8, 8, 3), "bilinear"), nn.Conv(2, (1, 1))]
    )
    resize, conv = jaxcnn.summary(net, (4, 4, 3)).rows
    assert (resize.kind, resize.output_shape, resize.macs) == ("resize", (1, 8, 8, 3), 0)
    assert (conv.field, conv.jump) == (("?", "?"), (0.5, 0.5))


def test_gates_of_pooled_maps_see_everything():
    class Gated(nn.Module):
        @nn.compact
        def __call__(self, x):
            gate = nn.Conv(3, (1, 1))(x.mean((1, 2), keepdims=True))
            return nn.Conv(3, (3, 3), 2, name="last")(x * gate)

    rows = jaxcnn.summary(Gated(), (8, 8, 3)).rows
    assert (rows[0].kind, rows[-1].field, rows[-1].jump) == (
        "global_avg_pool", ("all", "all"), (2, 2),
    )  # fmt: skip


def test_auxiliary_heads_count_parameters_only():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x, train=False):
            if train or self.is_initializing():
                aux = nn.Dense(3, name="aux")(x.mean((1, 2)))
                self.sow("aux", "logits", aux)
            return nn.Dense(2, name="head")(x.mean((1, 2)))

    seen = jaxcnn.summary(Net(), (8, 8, 4))
    aux = seen.rows[-1]
    assert (aux.path, aux.kind, aux.params, aux.macs, aux.runs) == ("aux", "Dense", 15, 0, False)
    assert (seen.total_params, seen.idle_params, seen.total_macs) == (25, 15, 8)
    assert "only in training" in str(seen)
    trained = jaxcnn.summary(Net(), (8, 8, 4), train=True)
    assert (trained.idle_params, trained.total_macs) == (0, 20)


class Twice(nn.Module):
    remat: bool = False

    @nn.compact
    def __call__(self, x, train: bool = False):
        norm = partial(layers.BatchNorm, use_running_average=not train)
        block = nn.remat(blocks.BasicBlock) if self.remat else blocks.BasicBlock
        for name in ("one", "two"):
            x = block(8, norm=norm, name=name)(x)
        return x


def test_training_keeps_less_with_recomputation():
    plain = jaxcnn.summary(Twice(), (64, 64, 8))
    saved = jaxcnn.summary(Twice(remat=True), (64, 64, 8))
    assert plain.total_macs == saved.total_macs
    assert saved.training_bytes < 0.6 * plain.training_bytes
    assert plain.optimizer_bytes("adam") == 2 * plain.params_bytes == 8 * plain.total_params


def test_training_keeps_inputs_and_outputs():
    # Kept: the inputs of both products, of which the first is given, and the tanh between.
    net = nn.Sequential([nn.Dense(5), nn.tanh, nn.Dense(2)])
    kept = jaxcnn.summary(net, (7, 3)).training_bytes
    assert kept == 7 * 5 * 4 * 2  # tanh's derivative and its value


def test_peak_memory_of_a_chain_and_of_a_branch():
    chain = nn.Sequential([nn.Conv(4, (3, 3)), nn.relu, nn.Conv(2, (3, 3))])
    assert jaxcnn.summary(chain, (8, 8, 3)).activation_bytes == 64 * 4 * (3 + 4)

    class Branch(nn.Module):
        @nn.compact
        def __call__(self, x):
            return x + nn.Conv(3, (3, 3))(nn.Conv(8, (3, 3))(x))

    assert jaxcnn.summary(Branch(), (8, 8, 3)).activation_bytes == 64 * 4 * (3 + 8 + 3)


@pytest.mark.parametrize("name", ["lenet5", "convnet", "resnet20"])
def test_models_of_the_zoo(name):
    info = model_info(name)
    seen = jaxcnn.summary(create_model(name), (info.input_size, info.input_size, info.channels))
    assert seen.total_params == info.params
    assert sum(row.macs for row in seen.rows) == seen.total_macs > 0


def test_the_batch_axis():
    net = nn.Conv(4, (3, 3))
    one = jaxcnn.summary(net, (8, 8, 3))
    assert one == jaxcnn.summary(net, (None, 8, 8, 3)) == jaxcnn.summary(net, [1, 8, 8, 3])
    assert jaxcnn.summary(net, (5, 8, 8, 3)).total_macs == 5 * one.total_macs


def test_nothing_is_computed():
    class Huge(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(10**9)(x)

    assert jaxcnn.summary(Huge(), (1, 10**9)).total_params == 10**18 + 10**9


def test_json_and_folding():
    seen = jaxcnn.summary(create_model("resnet20"), (32, 32, 3))
    whole, short = json.loads(seen.to_json()), json.loads(seen.to_json(depth=1))
    assert whole["total_params"] == 269_722
    assert len(whole["rows"]) == len(seen.rows)
    for key in ("params", "macs"):
        assert sum(r[key] for r in whole["rows"]) == sum(r[key] for r in short["rows"])
    assert [r["path"] for r in short["rows"]] == ["stem", "stage1", "stage2", "stage3",
                                                  "global_avg_pool", "head"]  # fmt: skip
    assert "269,722" in seen.table(1)
    with pytest.raises(ValueError, match="depth=0: must be >= 1"):
        seen.table(0)
    with pytest.raises(ValueError, match="optimizer='adamw': must be one of 'sgd'"):
        seen.optimizer_bytes("adamw")


def test_a_function_under_a_name_is_called_by_its_own():
    rows = jaxcnn.summary(create_model("googlenet_paper"), (64, 64, 3)).rows
    assert [r.kind for r in rows if r.path == "lrn1"] == ["local_response_norm"]


ERRORS = [
    (nn.Conv, (8, 8, 3), "model=.*must be a Linen module"),
    (nn.Dense(3), "8x8", "input_shape='8x8': must be a tuple"),
    (nn.Dense(3), (8, -1, 3), "input_shape=.*ints >= 1"),
    (nn.Dense(3), (8,), "must have at least a batch axis"),
    (create_model("lenet5"), (8, 8, 1), "lenet5.*16"),
    (create_model("lenet5"), (3, 32, 32, 1, 1), "lenet5.*must be a batch of images"),
    (nn.Dense(3, dtype="nonsense"), (8, 8), "summary: Dense cannot run on input shape"),
]


@pytest.mark.parametrize(("model", "shape", "message"), ERRORS)
def test_what_cannot_be_meant_is_refused(model, shape, message):
    with pytest.raises((ValueError, TypeError), match=message):
        jaxcnn.summary(model, shape)


def test_a_choice_by_platform_and_others():
    def net(x):
        cheap, dear = (lambda x: x), (lambda x: x @ x)
        x = lax.platform_dependent(x, cpu=dear, default=cheap)
        x = lax.cond(x[0, 0] > 0, cheap, dear, x)
        return lax.while_loop(lambda x: x[0, 0] > 0, dear, x)

    seen = jaxcnn.summary(nn.Sequential([net]), (4, 4))
    assert seen.total_macs == 2 * 64
    assert len(seen.notes) == 2
