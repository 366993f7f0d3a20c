"""What the README shows works as it is shown."""

import re
from pathlib import Path

import pytest

from train import cli

README = (Path(__file__).parent.parent / "README.md").read_text()

TUNE = """
grads, new = jax.jit(jax.grad(fine_loss, has_aux=True))(
    variables["params"], variables["batch_stats"])
updates, _ = optimizer.update(grads, optimizer.init(variables["params"]), variables["params"])
moved = {k for k, v in updates.items() if any(u.any() for u in jax.tree.leaves(v))}
for k, v in new["batch_stats"].items():
    pairs = zip(jax.tree.leaves(v), jax.tree.leaves(variables["batch_stats"][k]))
    moved |= {k for a, b in pairs if (a != b).any()}
"""


@pytest.mark.slow
def test_the_library_example_runs():
    code, tuning = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    assert len([line for line in tuning.splitlines() if line.strip()]) <= 15
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["value"] > 0
    assert names["grads"]["head"]["kernel"].shape == (64, 10)
    assert names["updates"]["batch_stats"]
    exec(compile(tuning, "README.md", "exec"), names)
    exec(compile(TUNE, "tuning", "exec"), names)
    assert not names["moved"] & {"stem", "stage1", "stage2"}
    assert names["moved"] >= {"stage3", "head"}


def test_the_configs_it_names_exist():
    named = set(re.findall(r"python -m train (?!--)(\w+)", README)) - cli.VERBS.keys()
    folder = Path(__file__).parent.parent / "configs"
    assert named
    assert all((folder / f"{name}.py").exists() for name in named)
