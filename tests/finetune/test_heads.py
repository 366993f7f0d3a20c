"""New heads, other channels, cached features and the linear probe."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import LogisticRegression

from jaxcnn import create_model, finetune
from tests.finetune.tiny import IMAGES, LABELS, Tiny, changed, loss, variables_of

SHAPE = (1, 5, 5, 2)


def test_only_the_head_is_new():
    variables = variables_of()
    model, new = finetune.new_head(Tiny(), variables, 7, jax.random.key(3), SHAPE)
    assert model == Tiny(7)
    assert new["params"]["head"]["kernel"].shape == (4, 7)
    old, kept = ({k: v for k, v in t["params"].items() if k != "head"} for t in (variables, new))
    assert not changed(
        {"p": old, "b": variables["batch_stats"]}, {"p": kept, "b": new["batch_stats"]}
    )
    wanted = model.init(jax.random.key(3), IMAGES)["params"]["head"]
    np.testing.assert_array_equal(new["params"]["head"]["kernel"], wanted["kernel"])


def test_the_same_number_of_classes_gets_a_fresh_head_too():
    variables = variables_of()
    _, new = finetune.new_head(Tiny(), variables, 3, jax.random.key(3), SHAPE)
    assert changed(variables, new) == {"head/kernel"}


def test_no_classes_remove_the_head():
    model, new = finetune.new_head(Tiny(), variables_of(), 0, jax.random.key(3), SHAPE)
    assert set(new["params"]) == {"stem", "stage1"}
    assert model.apply(new, IMAGES).shape == (8, 4)


@pytest.mark.parametrize(("name", "head"), [("lenet5_paper", False), ("squeezenet1_1", True)])
def test_heads_of_the_zoo(name, head):
    """Codes have no parameters, a convolution is a head as well."""
    model = create_model(name)
    x = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    model, new = finetune.new_head(model, variables, 5, jax.random.key(0), x)
    expected = jax.eval_shape(model.init, jax.random.key(0), x)
    assert jax.tree.map(jnp.shape, new) == jax.tree.map(jnp.shape, expected)
    assert ("head" in new["params"]) is head


def test_auxiliary_heads_are_heads():
    model = create_model("googlenet")
    x = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    new = model.clone(num_classes=4)
    paths = {path[1] for path in finetune.head.head_paths(new, x)}
    assert paths == {"head", "aux1", "aux2"}


@pytest.mark.parametrize(
    ("model", "classes", "x", "message"),
    [
        (Tiny(), -1, SHAPE, "num_classes=-1"),
        (Tiny(), 2, None, "x=None: must be given"),
        (create_model("lenet5").clone(), 2.0, None, "must be an int"),
    ],
)
def test_heads_that_cannot_be_meant(model, classes, x, message):
    with pytest.raises((ValueError, TypeError), match=message):
        finetune.new_head(model, variables_of(), classes, jax.random.key(0), x)


def rgb_variables():
    model = create_model("resnet20", blocks=1, num_classes=3)
    return model, jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))


@pytest.mark.slow
def test_a_grey_stem_gives_what_the_grey_image_in_colour_gave():
    model, variables = rgb_variables()
    grey = jax.random.normal(jax.random.key(2), (2, 8, 8, 1))
    wanted = model.apply(variables, jnp.repeat(grey, 3, -1))
    np.testing.assert_allclose(
        model.apply(finetune.adapt_channels(variables, 1), grey), wanted, atol=1e-5
    )


@pytest.mark.parametrize("channels", [2, 3, 4, 6])
def test_more_channels_repeat_the_colours_at_the_same_size(channels):
    _, variables = rgb_variables()
    new = finetune.adapt_channels(variables, channels)
    old = variables["params"]["stem"]["conv"]["kernel"]
    kernel = new["params"]["stem"]["conv"]["kernel"]
    assert kernel.shape[2] == channels
    last = old[:, :, (channels - 1) % 3] * 3 / channels
    np.testing.assert_allclose(kernel[:, :, -1], last, rtol=1e-6)
    if channels % 3 == 0:
        np.testing.assert_allclose(kernel.sum(2), old.sum(2), rtol=1e-5, atol=1e-6)


def test_a_stem_that_is_not_clear_must_be_named():
    kernel = jnp.ones((3, 3, 3, 3))
    variables = {"params": {"a": {"kernel": kernel}, "b": {"kernel": kernel}}}
    with pytest.raises(ValueError, match="found a/kernel, b/kernel"):
        finetune.adapt_channels(variables, 1)
    with pytest.raises(ValueError, match="found none"):
        finetune.adapt_channels(variables_of(), 1)
    new = finetune.adapt_channels(variables, 1, stem="b/kernel")
    assert new["params"]["b"]["kernel"].shape == (3, 3, 1, 3)
    assert new["params"]["a"]["kernel"].shape == (3, 3, 3, 3)


def test_features_are_those_of_the_whole_model_in_any_batches():
    variables = variables_of()
    wanted = Tiny(0).apply(variables, IMAGES / 2)
    for size in (3, 8, 20):
        found = finetune.cached_features(
            Tiny(), variables, np.asarray(IMAGES), batch_size=size, prepare=lambda x: x / 2
        )
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.slow
def test_a_probe_on_cached_features_is_the_probe_without_a_cache(x64):
    """Ten steps of the head alone: on features, and through the frozen network."""
    variables = jax.tree.map(lambda v: v.astype(jnp.float64), variables_of())
    images = IMAGES.astype(jnp.float64)
    features = jnp.asarray(finetune.cached_features(Tiny(), variables, images, batch_size=3))
    optimizer = optax.adamw(0.1)

    def on_cache(head):
        logits = features @ head["kernel"] + head["bias"][None]
        return optax.losses.softmax_cross_entropy_with_integer_labels(logits, LABELS).mean()

    def through(params):
        params = finetune.stop_gradients(params, ["**", "!head"])
        apply = finetune.frozen_norms(Tiny().apply, "**")
        return loss(apply, params, variables["batch_stats"], images)[0]

    def trained(value, params, optimizer):
        state, step = optimizer.init(params), jax.jit(jax.grad(value))
        for _ in range(10):
            updates, state = optimizer.update(step(params), state, params)
            params = optax.apply_updates(params, updates)
        return params

    head = trained(on_cache, variables["params"]["head"], optimizer)
    whole = trained(through, variables["params"], finetune.freeze(optimizer, ["**", "!head"]))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), head, whole["head"]
    )


@pytest.mark.slow
def test_the_linear_probe_is_logistic_regression(x64):
    """scikit-learn minimises C sum(nll) + |W|²/2, so C = 1 / (N l2), on scaled features."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 60)
    x = draw.normal(size=(60, 4)) * [1, 10, 0.1, 1] + labels[:, None] * [1, 5, 0.1, 0] + 3
    x = np.concatenate([x, np.full((60, 1), 7.0)], 1)  # a feature that never changes
    head = finetune.linear_probe(x, labels, 3, l2=0.05, steps=500)
    scaled = (x - x.mean(0)) / np.sqrt(x.var(0).mean())
    other = LogisticRegression(C=1 / (60 * 0.05), tol=1e-10, max_iter=5000).fit(scaled, labels)
    ours = jax.nn.softmax(x @ head["kernel"] + head["bias"][None])
    np.testing.assert_allclose(ours, other.predict_proba(scaled), atol=1e-6)


@pytest.mark.parametrize(
    ("features", "labels", "options", "message"),
    [
        (np.zeros((2, 3, 4)), np.zeros(2, int), {}, r"must be \(N, F\)"),
        (np.zeros((2, 3)), np.zeros(3, int), {}, r"must be int \(N,\)"),
        (np.zeros((2, 3)), np.zeros(2), {}, r"must be int \(N,\)"),
        (np.zeros((2, 3)), np.array([0, 2]), {}, r"must lie in \[0, 2\)"),
        (np.zeros((2, 3)), np.array([0, 1]), {"l2": 0.0}, "l2=0.0: must be > 0"),
    ],
)
def test_probes_that_cannot_be_meant(features, labels, options, message):
    with pytest.raises(ValueError, match=message):
        finetune.linear_probe(features, labels, 2, **options)
