import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as reference_confusion

from jaxcnn.metrics import confusion_matrix, masked_sums, means, top_k_hits

hits = jax.jit(top_k_hits, static_argnums=2)

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("k", [1, 2, 5, 6, 9])
@pytest.mark.parametrize("levels", [2, 3, 1000], ids=lambda n: f"{n}_levels")
def test_hits_are_those_of_lax_top_k(k, levels):
    """Few levels make many ties, which must fall as they do in `lax.top_k`."""
    rng = np.random.default_rng(k)
    logits = rng.integers(0, levels, (200, 6)).astype(np.float32)
    labels = rng.integers(0, 6, 200)
    listed = np.asarray(jax.lax.top_k(logits, min(k, 6))[1])
    expected = (listed == labels[:, None]).any(axis=1)
    np.testing.assert_array_equal(hits(logits, labels, k), expected)


@pytest.mark.parametrize(
    ("row", "label", "k", "hit"),
    [
        ([3.0, 1.0, 2.0], 2, 1, False),
        ([3.0, 1.0, 2.0], 2, 2, True),
        ([1.0, 1.0, 1.0], 0, 1, True),
        ([1.0, 1.0, 1.0], 1, 1, False),
        ([1.0, 1.0, 1.0], 1, 2, True),
        ([-INF, 0.0, -INF], 1, 1, True),
        ([INF, 0.0, 0.0], 0, 1, True),
        ([NAN, 0.0, 1.0], 2, 1, False),
        ([NAN, NAN, NAN], 0, 3, False),
        ([0.0, 1.0, NAN], 2, 1, False),
        ([0.0, 1.0, 2.0], -1, 3, False),
        ([0.0, 1.0, 2.0], 3, 3, False),
    ],
)
def test_hits_by_hand(row, label, k, hit):
    assert hits(np.array([row], np.float32), np.array([label]), k).tolist() == [hit]


def test_a_constant_network_scores_at_chance():
    labels = jnp.arange(100) % 10
    assert top_k_hits(jnp.zeros((100, 10)), labels, 1).sum() == 10


def test_hits_of_pixels_and_under_jit():
    logits = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(jnp.bfloat16)
    assert hits(logits, np.asarray(logits, np.float32).argmax(-1), 1).all()


@pytest.mark.parametrize("shape", [(500,), (5, 10, 10)])
@pytest.mark.slow
def test_confusion_is_sklearns(shape):
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 7, (2, *shape))
    mask = rng.random(shape) < 0.7
    matrix = jax.jit(confusion_matrix, static_argnums=2)(labels, predictions, 7, mask)
    assert matrix.dtype == jnp.int32
    expected = reference_confusion(labels[mask], predictions[mask], labels=range(7))
    np.testing.assert_array_equal(matrix, expected)
    parts = [confusion_matrix(labels[i::2], predictions[i::2], 7, mask[i::2]) for i in (0, 1)]
    np.testing.assert_array_equal(sum(parts), matrix)


def test_confusion_leaves_out_classes_outside():
    matrix = confusion_matrix(jnp.array([0, 255, -1, 1, 1]), jnp.array([0, 0, 0, 2, -1]), 2)
    assert matrix.tolist() == [[1, 0], [0, 0]]


def test_trace_of_confusion_is_the_count_of_top1():
    rng = np.random.default_rng(0)
    logits = rng.integers(0, 3, (300, 4)).astype(np.float32)
    labels = rng.integers(0, 4, 300)
    matrix = np.asarray(confusion_matrix(labels, logits.argmax(-1), 4))
    assert np.trace(matrix) == np.asarray(hits(logits, labels, 1)).sum()


def test_sums_ignore_what_is_masked_and_are_exact():
    values = {
        "loss": jnp.array([1.5, NAN, 2.0], jnp.bfloat16),
        "top1": jnp.array([True, True, False]),
    }
    sums = masked_sums(values, jnp.array([True, False, True]))
    assert {name: value.item() for name, value in sums.items()} == {
        "loss": 3.5, "top1": 1, "count": 2,
    }  # fmt: skip
    assert [sums[name].dtype for name in ("loss", "top1", "count")] == ["float32", "int32", "int32"]
    averages = means(sums)
    assert {name: value.item() for name, value in averages.items()} == {"loss": 1.75, "top1": 0.5}


def test_count_is_exact_beyond_float32():
    hits = jnp.ones(2**24 + 1, bool)
    assert masked_sums({"top1": hits})["top1"] == 2**24 + 1


def test_mean_of_nothing_is_nan():
    nothing = masked_sums({"loss": jnp.ones(3)}, jnp.zeros(3, bool))
    assert jnp.isnan(means(nothing)["loss"])


ONES = jnp.ones((2, 3))
LABELS = jnp.array([0, 1])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: top_k_hits(ONES, LABELS, 0), ValueError, "k=0: must be >= 1"),
        (lambda: top_k_hits(ONES, LABELS, 1.0), TypeError, "k=1.0: must be an int"),
        (
            lambda: top_k_hits(ONES, ONES, 1),
            ValueError,
            r"2 problems[^?]*labels=<float32.*integers[^?]*shape logits",
        ),
        (
            lambda: top_k_hits(ONES, LABELS[:1], 1),
            ValueError,
            r"labels=.*\(1,\).*input shape \(2, 3\)",
        ),
        (
            lambda: top_k_hits(LABELS, LABELS[0], 1),
            TypeError,
            "logits=.*must be a floating-point array",
        ),
        (
            lambda: confusion_matrix(ONES, ONES, 2),
            TypeError,
            r"labels=[^?]*predictions=.*must be integers",
        ),
        (
            lambda: confusion_matrix(LABELS, LABELS[:1], 2),
            ValueError,
            r"predictions=.*must have the shape of labels, \(2,\)",
        ),
        (lambda: confusion_matrix(LABELS, LABELS, 0), ValueError, "num_classes=0: must be >= 1"),
        (lambda: confusion_matrix(LABELS, LABELS, 2, LABELS), TypeError, "mask=.*must be bool"),
        (lambda: masked_sums({"a": ONES, "b": LABELS}), ValueError, "of one shape"),
        (lambda: masked_sums({"count": LABELS}), ValueError, "named 'count'"),
        (lambda: masked_sums({}), ValueError, "of one shape"),
        (
            lambda: masked_sums({"a": LABELS}, ONES.astype(bool)),
            ValueError,
            "mask=.*must have shape",
        ),
        (lambda: means({"loss": ONES}), ValueError, "must hold 'count'"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()
