"""Evaluation counts every example once, on any number of devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn.metrics import top_k_hits
from train import parallel
from train.config import Augment
from train.data import eval_batches
from train.data.source import ArraySource
from train.evaluate import predictions
from train.tasks import Classification

CLASSES = 7


class Encoded(nn.Module):
    """A network whose logits are those that the image spells out, one a pixel."""

    @nn.compact
    def __call__(self, x, train: bool = False):
        return x.reshape(x.shape[0], -1)[:, :CLASSES]


def make_source(count: int) -> ArraySource:
    draw = np.random.default_rng(count)
    images = draw.integers(0, 256, (count, 3, 3, 1), np.uint8)
    return ArraySource(images, draw.integers(0, CLASSES, count, np.int32))


def result_of(source, devices: int, kind: str, batch_size: int):
    task = Classification(Encoded(), (0.0,), (1 / 25.5,), Augment())
    mesh = parallel.make_mesh(devices)
    predict = parallel.spread_eval(task.predict, mesh, kind)
    batches = eval_batches(source, batch_size=batch_size)
    # pmap of jax 0.10 mixes the axes up where the first argument holds no array.
    variables = {"params": {"unused": np.zeros(1, np.float32)}}

    def place(batch):
        return parallel.shard(batch, mesh, kind)

    return task.judge(predictions(predict, variables, batches, place))


@pytest.mark.parametrize("kind", ["shard_map", "pmap"])
@pytest.mark.parametrize(("count", "devices", "batch"), [(37, 1, 16), (37, 8, 16), (3, 8, 8)])
def test_an_uneven_number_of_examples_is_counted_exactly(kind, count, devices, batch):
    source = make_source(count)
    result = result_of(source, devices, kind, batch)
    images, labels, *_ = source.gather(np.arange(count))
    logits = images.reshape(count, -1)[:, :CLASSES] / 10.0
    order = np.argsort(-logits, axis=1, kind="stable")
    assert result.count == count
    np.testing.assert_array_equal(result.indices, np.arange(count))
    np.testing.assert_array_equal(result.labels, labels)
    assert result.top1 == np.mean(order[:, 0] == labels)
    assert result.top5 == np.mean((order[:, :5] == labels[:, None]).any(1))
    log_probability = np.asarray(jax.nn.log_softmax(jnp.asarray(logits)))[np.arange(count), labels]
    np.testing.assert_allclose(result.losses, -log_probability, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.label_probabilities, np.exp(log_probability), rtol=1e-4)
    assert result.loss == pytest.approx(-log_probability.mean(), rel=1e-5)


@pytest.mark.slow
def test_classes_whose_probability_is_zero_keep_their_order():
    """All but the first probability underflow; the logits still say which class comes next."""
    task = Classification(Encoded(), (0.0,), (1 / 2550.0,), Augment())
    pixels = np.array([[0, 50, 60, 20, 100, 30, 40, 0, 0]], np.uint8)
    batch = {"image": pixels.reshape(1, 3, 3, 1), "label": np.array([5], np.int32)}
    out = task.predict({}, batch)
    np.testing.assert_array_equal(out["top_classes"], [[4, 2, 1, 6, 5]])
    np.testing.assert_array_equal(out["top_probabilities"], [[1, 0, 0, 0, 0]])
    assert top_k_hits(jnp.asarray(pixels[:, :7], float), batch["label"], 5).all()


def test_logits_that_are_no_numbers_are_no_hits():
    task = Classification(Encoded(), (0.0,), (1.0,), Augment())
    images = np.zeros((2, 3, 3, 1), np.uint8)
    out = Broken(**vars(task)).predict({}, {"image": images, "label": np.zeros(2, np.int32)})
    assert np.all(out["top_classes"] == -1)


class Broken(Classification):
    def prepare(self, images):
        return super().prepare(images) * jnp.nan


def test_the_caller_is_told_and_may_stop():
    seen = []

    def stop(count: int) -> None:
        seen.append(count)
        if count > 16:
            raise InterruptedError

    task = Classification(Encoded(), (0.0,), (1.0,), Augment())
    mesh = parallel.make_mesh(1)
    predict = parallel.spread_eval(task.predict, mesh, "shard_map")
    batches = eval_batches(make_source(40), batch_size=16)
    with pytest.raises(InterruptedError):
        predictions(
            predict, {}, batches, lambda b: parallel.shard(b, mesh, "shard_map"), on_batch=stop
        )
    assert seen == [16, 32]
