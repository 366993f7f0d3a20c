"""What the command says at the end, and how it leaves."""

import pytest

from train import __main__ as command
from train import cli
from train.errors import INTERNAL, RESTART, UserError

SUMMARY = {
    "test": {"top1": 0.5, "top5": 1.0, "count": 8},
    "parameters": 10,
    "steps": 3,
    "train_seconds": 1.2,
    "skipped": {},
}


def test_only_what_exists_is_named(tmp_path, capsys):
    cli.show(SUMMARY, tmp_path, as_json=False)
    assert "report.html" not in capsys.readouterr().out
    (tmp_path / "report.html").write_text("")
    cli.show(SUMMARY, tmp_path, as_json=False)
    assert f"report: {tmp_path / 'report.html'}" in capsys.readouterr().out


def test_skipped_images_are_counted(tmp_path, capsys):
    cli.show(SUMMARY | {"skipped": {"a.jpg": "is truncated"}}, tmp_path, as_json=False)
    assert "1 unreadable image(s) skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (ZeroDivisionError("a defect"), INTERNAL, "Traceback"),
        (UserError("no space; free some", RESTART), RESTART, "error: no space; free some\n"),
    ],
)
def test_failures_leave_with_their_code(monkeypatch, capsys, tmp_path, error, code, shown):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("train.run.run", fail)
    assert command.main(["digits", "--workdir", str(tmp_path)]) == code
    text = capsys.readouterr().err
    assert shown in text
    assert ("Traceback" in text) == (code == INTERNAL)
