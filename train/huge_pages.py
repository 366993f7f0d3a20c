"""Large arrays in huge pages, without which a CPU spends a tenth of a training step on page faults.

XLA asks for the memory of a step anew each time, and Linux hands it out in pages of 4 kB.
"""

import os
import sys
from pathlib import Path

VARIABLE, NAME = "GLIBC_TUNABLES", "glibc.malloc.hugetlb"
SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SINCE = (2, 35)
"""The version of glibc from which malloc can ask for huge pages (manual, section 39.2)."""


def restart_with_huge_pages() -> None:
    """Start this program again, with the variable that malloc reads as a process begins.

    Only where that changes something, and not if the variable says anything about it already:
    `GLIBC_TUNABLES=glibc.malloc.hugetlb=0` keeps small pages.
    """
    given = os.environ.get(VARIABLE, "")
    setting = SETTING.read_text() if SETTING.exists() else ""
    if useful(given, setting, libc()):
        tunables = ":".join(filter(None, (given, f"{NAME}=1")))
        arguments = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, VARIABLE: tunables})


def useful(given: str, setting: str, libc: str) -> bool:
    """Say whether huge pages are there for programs that ask, and this one does not yet.

    Args:
        given: The variable.
        setting: What the kernel says, such as `always [madvise] never`.
        libc: Name and version of the C library.

    >>> useful("", "always [madvise] never", "glibc 2.36")
    True
    >>> useful("glibc.malloc.hugetlb=1", "always [madvise] never", "glibc 2.36")
    False
    """
    name, _, version = libc.partition(" ")
    new = name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= SINCE
    return new and "[madvise]" in setting and NAME not in given


def libc() -> str:
    """Return name and version of the C library; nothing where it is another than glibc."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        return ""
