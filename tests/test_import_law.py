"""The folder tree is the import order."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LEVELS = [
    ["typing", "checks"],
    ["images", "ops"],
    ["layers"],
    ["blocks"],
    ["models"],
    ["augment", "losses", "metrics", "taps", "finetune", "tiles", "inference"],
    ["weights", "explain", "synthesis", "retrieval"],
    ["cli"],
]
RANK = {room: rank for rank, rooms in enumerate(LEVELS) for room in rooms}
SEPARATE = {"weights", "explain", "synthesis", "retrieval"}
"""Rooms of one level that do not import each other."""

FORBIDDEN = {"train", "configs", "tests", "benchmarks", "tensorflow", "tensorflow_datasets"}
FORBIDDEN |= {"orbax", "grain", "tyro", "matplotlib", "sklearn", "torch"}


def imported(path: Path) -> list[str]:
    """All modules that a file imports, anywhere in it."""
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "jaxcnn" and len(parts) > 1 and parts[1] in RANK else None


def breaches(path: Path) -> list[str]:
    """Imports of a library file that point upwards, sideways between islands, or outside."""
    own = path.relative_to(ROOT / "jaxcnn").parts[0].removesuffix(".py")
    wrong = []
    for name in imported(path):
        other = room_of(name)
        upwards = other is not None and RANK[other] > RANK.get(own, len(LEVELS))
        island = other in SEPARATE and own in SEPARATE and other != own
        outside = name.split(".")[0] in FORBIDDEN and own != "cli"
        if upwards or island or outside:
            wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    return wrong


LIBRARY = sorted((ROOT / "jaxcnn").rglob("*.py"))


def test_rooms_import_downwards_only():
    assert [line for path in LIBRARY for line in breaches(path)] == []


def test_every_room_has_its_place():
    rooms = {path.relative_to(ROOT / "jaxcnn").parts[0] for path in LIBRARY}
    unknown = {room.removesuffix(".py") for room in rooms} - RANK.keys() - {"__init__", "__main__"}
    assert unknown == set()


def test_a_breach_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    room = tmp_path / "jaxcnn" / "ops"
    room.mkdir(parents=True)
    (room / "bad.py").write_text("import train.loop\nfrom jaxcnn.layers import Conv\n")
    assert len(breaches(room / "bad.py")) == 2


@pytest.mark.parametrize("path", sorted((ROOT / "configs").rglob("*.py")), ids=lambda p: p.stem)
def test_configs_import_only_the_config(path):
    found = {".".join(name.split(".")[:2]) for name in imported(path)}
    assert found <= {"train.config", "configs.shared", "dataclasses"}


def test_the_lab_looks_configs_up_in_one_place():
    users = [
        path.name
        for path in (ROOT / "train").rglob("*.py")
        if any(name.split(".")[0] == "configs" for name in imported(path))
    ]
    assert users == ["__main__.py"]


def test_importing_the_library_touches_nothing():
    code = (
        "import sys, os; before = dict(os.environ); import jaxcnn; "
        "assert os.environ == before; import jax; "
        "assert not jax._src.xla_bridge._backends, 'a device was opened'; "
        "heavy = {'tensorflow', 'tensorflow_datasets', 'orbax', 'grain', 'matplotlib'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
