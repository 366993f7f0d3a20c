"""`jaxcnn COMMAND`: what is printed, and the exit codes."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import jaxcnn
from jaxcnn.cli import main
from jaxcnn.cli.main import COMMANDS


def run(capsys, line, code=0):
    try:
        got = main(line.split())
    except SystemExit as end:  # how tyro ends
        got = end.code
    seen = capsys.readouterr()
    assert got == code, seen.err
    return seen.out if code == 0 else seen.err


def test_list_shows_figures_in_aligned_columns(capsys):
    header, rule, *rows = run(capsys, "list resnet20").splitlines()
    assert header.split() == ["name", "parameters", "mult-adds", "input", "source"]
    assert rows == [
        row
        for row in rows
        if "269,722" in row and "40.6 M" in row and "32x32x3" in row and "He" in row
    ]
    assert set(rule) == {"-", " "}


def test_list_as_json(capsys):
    found = json.loads(run(capsys, "list lenet5 --json"))
    assert (found[0]["params"], found[0]["macs"]) == (61_706, 416_520)


def test_info_shows_the_fields(capsys):
    text = run(capsys, "info resnet20")
    assert "269,722" in text
    assert "blocks" in text
    assert json.loads(run(capsys, "info resnet20 --json"))["fields"]["blocks"] == 3


def test_summary(capsys):
    text = run(capsys, "summary lenet5 --num-classes 7 --size 28 --channels 3 --depth 1")
    assert "LeNet5 on 1x28x28x3" in text
    found = json.loads(run(capsys, "summary lenet5 --json"))
    assert (found["total_params"], found["total_macs"]) == (61_706, 416_520)


def test_plot_writes_a_file(capsys, tmp_path):
    path = tmp_path / "lenet.svg"
    assert str(path) in run(capsys, f"plot lenet5 -o {path} --depth 1")
    ElementTree.fromstring(path.read_text(encoding="utf-8"))
    assert run(capsys, "plot lenet5").startswith("<svg")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("summry lenet5", "unknown command 'summry'; did you mean summary"),
        ("frobnicate", "see jaxcnn --help"),
        ("summary lenet55", "did you mean 'lenet5'"),
        ("summary lenet5 --size 4", "lenet5: .*at least 16"),
        ("list nothing*", "no model is called like 'nothing*'"),
        ("plot lenet5 --depth 0", "depth=0: must be >= 1"),
        ("plot lenet5 -o /no/such/folder/x.svg", "No such file"),
    ],
)
def test_errors_are_one_line_and_code_2(capsys, line, message):
    text = run(capsys, line, code=2)
    assert text.startswith("error: ")
    assert "Traceback" not in text
    for part in message.split(".*"):
        assert part in text


def test_wrong_options_are_code_2(capsys):
    run(capsys, "summary lenet5 --sise 4", code=2)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(capsys, name):
    assert f"jaxcnn {name}" in run(capsys, f"{name} --help")


def test_help_and_version(capsys):
    assert all(name in run(capsys, "--help") for name in COMMANDS)
    assert run(capsys, "") == run(capsys, "--help")
    assert jaxcnn.__version__ in run(capsys, "--version")


def test_a_missing_extra_names_the_line_to_run(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tyro", None)
    text = run(capsys, "list", code=2)
    assert "pip install 'jaxcnn[cli]'" in text


def test_a_fault_of_ours_has_its_traceback_and_code_70(capsys, monkeypatch):
    from jaxcnn.cli import list_command

    monkeypatch.setattr(list_command, "list_models", lambda pattern: int("x"))
    assert "Traceback" in run(capsys, "list", code=70)


def test_a_closed_pipe_is_no_error():
    line = f"{sys.executable} -m jaxcnn list | head -n 1"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("name")
    assert done.stderr == ""
