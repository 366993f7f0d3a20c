"""Name groups of parameters by their paths."""

from collections.abc import Mapping
from typing import Any

import jax

from jaxcnn.checks import Report
from jaxcnn.finetune.patterns import expect_covered, matches, path_of, paths_of


def label_params(params: Any, rules: Mapping[str, str], default: str | None = None) -> Any:
    """Label each parameter by the first pattern that covers its path.

    The labels are those of `optax.multi_transform`, which gives each group its own optimizer.

    Args:
      params: The parameters, any tree.
      rules: Pattern -> label, of which the first that covers a path decides. A pattern covers a
        path `stage1/conv/kernel` or what lies above it: `stage1`, `stage*/conv`, `**/kernel`.
      default: Label of what no pattern covers; None where there should be nothing left.

    Returns:
      A tree of the shape of `params` with labels as leaves.

    Raises:
      ValueError: If a pattern decides nothing, or a parameter has no label.

    Example:
      >>> params = {"stem": {"kernel": 0}, "head": {"kernel": 0, "bias": 0}}
      >>> label_params(params, {"head": "fast"}, default="slow")
      {'head': {'bias': 'fast', 'kernel': 'fast'}, 'stem': {'kernel': 'slow'}}
    """
    report, paths = Report("label_params"), paths_of(params)
    labels: dict[str, str] = {}
    for pattern, label in rules.items():
        covered = {path for path in paths if matches(pattern, path)}
        expect_covered(report, pattern, covered, paths)
        left = covered - labels.keys()
        rule = "covers only what earlier patterns have taken"
        fix = "put it before them, or leave it out"
        report.expect(bool(left) or not covered, "pattern", pattern, rule, fix)
        labels.update(dict.fromkeys(left, label))
    bare = [path for path in paths if path not in labels]
    rule = f"must cover every parameter, but {len(bare)} have no label: {', '.join(bare[:3])}"
    fix = "add a pattern '**' at the end, or give a default"
    report.expect(not bare or default is not None, "rules", dict(rules), rule, fix)
    report.done()
    return jax.tree_util.tree_map_with_path(
        lambda keys, _: labels.get(path_of(keys), default), params
    )
