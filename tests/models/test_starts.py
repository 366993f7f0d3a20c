"""How weights start, and that the rules which say so compare, hash and pickle."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict

from jaxcnn import create_model
from jaxcnn.blocks import exact_gelu
from jaxcnn.models import initializers as ours
from jaxcnn.taps import list_taps
from tests.models.reduced import REDUCED

RULES = {  # ours, JAX's own
    "he_fan_out": (ours.he_fan_out, nn.initializers.variance_scaling(2.0, "fan_out", "normal")),
    "he_fan_in": (ours.he_fan_in, nn.initializers.he_normal()),
    "he_uniform": (ours.he_uniform, nn.initializers.he_uniform()),
    "lecun_uniform": (ours.lecun_uniform, nn.initializers.lecun_uniform()),
    "normal_001": (ours.normal_001, nn.initializers.normal(0.01)),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_draws_what_jax_draws(name):
    rule, other = RULES[name]
    for shape in ((3, 3, 4, 6), (5, 7)):
        drawn = (f(jax.random.key(3), shape, jnp.bfloat16) for f in (rule, other))
        np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("name", sorted({row.name for row in REDUCED.values()}))
def test_models_pickle_and_copy_but_for_jaxs_own_nonlinearities(name):
    """`flax.linen.relu` is an object that no module holds under its name."""
    known = vars(type(create_model(name))).get("__dataclass_fields__", {})
    fields = {field: exact_gelu for field in ("act", "early_act") if field in known}
    if "backbone" in known:
        fields["backbone"] = create_model("resnet20", act=exact_gelu)
    model = create_model(name, **fields)
    assert pickle.loads(pickle.dumps(model)) == model
    assert copy.deepcopy(model) == model
    assert hash(copy.deepcopy(model)) == hash(model)


@pytest.mark.parametrize(
    ("name", "fields"),
    [("unet", {"depth": 1, "width": 64}), ("unet_resnet18", {"width": 8, "up": "transpose"})],
)
def test_a_transposed_kernel_keeps_the_variance(name, fields):
    """Ronneberger et al. 2015, section 3: deviation sqrt(2 / N), each output summing N numbers."""
    model = create_model(name, **fields)
    size, kernels = model.min_size, {}

    def look(call, args, kwargs, context):
        module = context.module
        if isinstance(module, nn.Module) and module.name == "up":
            kernels["/".join(module.path)] = module.kernel_init
        return call(*args, **kwargs)

    with nn.intercept_methods(look):
        variables = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, size, size, 3)))
    flat = flatten_dict(variables["params"], sep="/")
    assert kernels
    for path, rule in kernels.items():
        shape = flat[f"{path}/kernel"].shape
        if np.prod(shape) < 4000:
            continue
        deviation = rule(jax.random.key(1), shape).std()
        np.testing.assert_allclose(deviation, np.sqrt(2 / shape[2]), rtol=0.05)


def test_a_type_reaches_a_backbones_transposed_convolutions():
    model = create_model("unet_resnet18", up="transpose", width=2, dtype=jnp.bfloat16)
    taps = list_taps(model, (1, 32, 32, 3), "up?/up")
    assert {spec.dtype for spec in taps.values()} == {jnp.dtype(jnp.bfloat16)}
