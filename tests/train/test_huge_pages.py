"""A program that begins again with huge pages."""

import os
import subprocess
import sys

import pytest

from train import huge_pages
from train.huge_pages import libc, restart_with_huge_pages, useful

ON_REQUEST = "always [madvise] never"


@pytest.mark.parametrize(
    ("given", "setting", "libc"),
    [
        ("glibc.malloc.hugetlb=0", ON_REQUEST, "glibc 2.36"),
        ("", "[always] madvise never", "glibc 2.36"),
        ("", "always madvise [never]", "glibc 2.36"),
        ("", "", "glibc 2.36"),
        ("", ON_REQUEST, "glibc 2.31"),
        ("", ON_REQUEST, ""),
    ],
)
def test_where_nothing_would_change_it_goes_on(given, setting, libc):
    assert not useful(given, setting, libc)


def test_it_begins_again_with_the_same_arguments(monkeypatch, tmp_path):
    calls = []
    setting = tmp_path / "enabled"
    setting.write_text(ON_REQUEST)
    monkeypatch.setattr(huge_pages, "SETTING", setting)
    monkeypatch.setattr(huge_pages, "libc", lambda: "glibc 2.35")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "train", "digits"])
    monkeypatch.setattr(os, "execve", lambda *args: calls.append(args))
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=1")
    restart_with_huge_pages()
    ((program, arguments, environment),) = calls
    assert (program, arguments) == (sys.executable, [sys.executable, "-m", "train", "digits"])
    assert environment["GLIBC_TUNABLES"] == "glibc.malloc.check=1:glibc.malloc.hugetlb=1"


def test_once():
    program = (
        "import os; from train.huge_pages import restart_with_huge_pages as again; again(); "
        "print(os.getpid(), os.environ.get('GLIBC_TUNABLES'))"
    )
    given = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=given, stdout=subprocess.PIPE, text=True
    )
    told, _ = process.communicate(timeout=60)
    setting = huge_pages.SETTING.read_text() if huge_pages.SETTING.exists() else ""
    expected = "glibc.malloc.hugetlb=1" if useful("", setting, libc()) else None
    assert told.split() == [str(process.pid), str(expected)]
