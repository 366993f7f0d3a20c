"""Real photographs, and one run of a command."""

import functools
import json
from pathlib import Path

import pytest
from sklearn import datasets

from jaxcnn.cli import evaluate_command, main, options, predict_command

FOLDER = Path(datasets.__file__).parent / "images"
CHINA, FLOWER = FOLDER / "china.jpg", FOLDER / "flower.jpg"
PALACE, DAISY = 698, 985


@pytest.fixture(scope="session")
def loaded_once():
    """The weights' file is read and hashed once for all tests."""
    load = functools.cache(options.load)
    with pytest.MonkeyPatch.context() as patch:
        for command in (predict_command, evaluate_command):
            patch.setattr(command, "load", load)
        yield


def run(capsys, *words, code=0):
    """Run a command; return stdout and stderr."""
    try:
        got = main([str(word) for word in words])
    except SystemExit as end:
        got = end.code
    seen = capsys.readouterr()
    assert got == code, seen.err
    return seen.out, seen.err


def run_json(capsys, *words, code=0):
    """Run a command with `--json` in batches of two, so that all tests share one program."""
    return json.loads(run(capsys, *words, "--batch-size", "2", "--json", code=code)[0])
