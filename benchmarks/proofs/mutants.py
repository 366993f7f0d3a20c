"""Seeded faults: each is put into a copy of the project, and must fail the tests it names.

The faults are those that rival ports were found to have, and those that a loop gets wrong
without anybody noticing: the accuracy suffers a little, and no error is raised.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lab import ROOT
from benchmarks.proofs.faults import FAULTS, Fault

IGNORED = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", "runs", "results")


def run(count: int) -> dict[str, Any]:
    rows = []
    for fault in FAULTS[: count or None]:
        rows.append({"fault": fault.name, "tests": fault.tests, "caught": caught(fault)})
        print(rows[-1], flush=True)
    return {"rows": rows, "failures": [row["fault"] for row in rows if not row["caught"]]}


def caught(fault: Fault) -> bool:
    """Say whether the tests fail in a copy of the project that has the fault."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=IGNORED)
        path = copy / fault.path
        text = path.read_text()
        assert text.count(fault.right) == 1, f"{fault.name}: not exactly one place in {fault.path}"
        path.write_text(text.replace(fault.right, fault.wrong))
        command = [sys.executable, "-m", "pytest", "-n0", "-x", "-q", *fault.tests.split()]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
        return done.returncode == 1
