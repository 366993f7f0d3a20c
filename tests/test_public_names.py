"""Every public name of the library is documented, with an example that runs."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "jaxcnn"
ROOMS = sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))

PUBLIC = [
    (room, name)
    for room in ROOMS
    for name, value in vars(importlib.import_module(f"jaxcnn.{room}")).items()
    if not name.startswith("_") and (inspect.isfunction(value) or inspect.isclass(value))
]


def document(room: str, name: str) -> str:
    return inspect.getdoc(getattr(importlib.import_module(f"jaxcnn.{room}"), name)) or ""


def test_there_are_public_names():
    assert len(PUBLIC) > 60


@pytest.mark.parametrize(("room", "name"), PUBLIC)
def test_a_public_name_opens_with_a_sentence_and_shows_an_example(room, name):
    text = document(room, name)
    value = getattr(importlib.import_module(f"jaxcnn.{room}"), name)
    assert text.split("\n\n")[0].rstrip().endswith((".", ":")), "no first sentence"
    if not (inspect.isclass(value) and issubclass(value, Exception)):
        assert ">>>" in text, "no doctest"


@pytest.mark.parametrize(("room", "name"), PUBLIC)
def test_every_argument_of_a_public_function_is_described(room, name):
    value = getattr(importlib.import_module(f"jaxcnn.{room}"), name)
    if not inspect.isfunction(value):
        return
    text = document(room, name)
    missing = [p for p in inspect.signature(value).parameters if p not in text]
    assert not missing
    assert "Returns" in text or value.__annotations__.get("return") in (None, "None")


def test_public_functions_are_annotated():
    bare = []
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare += [f"{path.name}:{node.name}" for a in arguments if a.annotation is None]
    assert bare == []
