"""Names of GoogLeNet, Inception-v3 and DenseNet in torchvision, and what its files have besides."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model
from jaxcnn.weights import WeightsError
from jaxcnn.weights.convert import abstract_variables, from_arrays
from jaxcnn.weights.names import foreign_names
from jaxcnn.weights.tables import table_of
from tests.golden import zoo
from tests.models import zoo_parity


def names_of(name, **fields):
    """The foreign names of a model's arrays, with their paths."""
    model = create_model(name, **fields)
    return foreign_names(table_of(name, model, "torchvision"), abstract_variables(name, model))


def state(name, **fields):
    """A state dict of zeros that take no memory, in the foreign layout."""
    model = create_model(name, **fields)
    ours = abstract_variables(name, model)
    shapes = {key: ours[path].shape for key, path in names_of(name, **fields).items()}
    order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}
    return {
        key: np.broadcast_to(np.float32(0), tuple(shape[i] for i in order[len(shape)]))
        for key, shape in shapes.items()
    }


@pytest.mark.parametrize(
    "name", sorted({"googlenet", "inception_v3", "densenet121"} & set(zoo_parity.shared()))
)
@pytest.mark.slow
def test_the_names_are_torchvisions(name):
    with np.load(zoo.FOLDER / f"{name}.npz") as golden:
        theirs = {*golden["grad_names"].tolist(), *golden["stat_names"].tolist()}
    assert names_of(name, num_classes=zoo.CLASSES).keys() == theirs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_heads_that_the_model_lacks_are_ignored(name):
    given = state(name, num_classes=4)
    assert any(key.lower().startswith("aux") for key in given)
    variables = from_arrays(name, given, num_classes=4, aux_heads=False)
    assert not [module for module in variables["params"] if module.startswith("aux")]
    given = {key: array for key, array in given.items() if not key.lower().startswith("aux")}
    with pytest.raises(WeightsError, match=r"missing: aux|missing: AuxLogits"):
        from_arrays(name, given, num_classes=4)


def test_the_older_names_of_densenets_layers_are_read():
    fields = {"blocks": (2, 1), "growth_rate": 4, "stem_features": 4, "num_classes": 3}
    new = state("densenet121", **fields)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): v for key, v in new.items()
    }
    assert "features.denseblock1.denselayer2.norm.1.running_mean" in old
    one, two = (from_arrays("densenet121", given, **fields) for given in (new, old))
    assert jax.tree.structure(one) == jax.tree.structure(two)
    model = create_model("densenet121", **fields)
    expected = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    assert jax.tree.map(np.shape, two) == jax.tree.map(np.shape, expected)
