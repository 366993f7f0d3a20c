"""What the README shows works as it is shown."""

import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_library_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["value"] > 0
    assert names["grads"]["head"]["kernel"].shape == (64, 10)
    assert names["updates"]["batch_stats"]


def test_the_configs_it_names_exist():
    named = set(re.findall(r"python -m train (?!--)(\w+)", README))
    folder = Path(__file__).parent.parent / "configs"
    assert named
    assert all((folder / f"{name}.py").exists() for name in named)
