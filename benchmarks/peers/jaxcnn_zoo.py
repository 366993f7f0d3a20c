"""This library: a model of the zoo as `create_model` makes it; inference with folded norms."""

from typing import Any

from benchmarks.peers.jax_steps import linen, steps, variables_of
from jaxcnn import create_model, fold_batch_norm


def build(spec: dict[str, Any], given: dict[str, Any]) -> tuple[Any, Any]:
    model = create_model(spec["model"], **spec["fields"])
    if spec["train"] or not spec.get("fold", True):
        return steps(linen(model), spec, given)
    from flax.traverse_util import flatten_dict

    model, variables = fold_batch_norm(model, variables_of(given))
    arrays = {"/".join(path): leaf for path, leaf in flatten_dict(variables).items()}
    arrays |= {name: given[name] for name in ("images", "labels")}
    return steps(linen(model), spec, arrays)
