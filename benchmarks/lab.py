"""Runs of the lab as a user starts them: processes of their own."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def start(*arguments: str, **options: Any) -> subprocess.Popen:
    """Start `python -m train` with these arguments, its output in a pipe."""
    command = [sys.executable, "-m", "train", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def complete(workdir: Path, *arguments: str, expect: int = 0) -> tuple[dict[str, Any], float]:
    """Run to the end; return the summary and the seconds the whole process took."""
    begin = time.perf_counter()
    process = start(*arguments, "--workdir", str(workdir))
    output, _ = process.communicate()
    seconds = time.perf_counter() - begin
    assert process.returncode == expect, f"exit code {process.returncode}:\n{output[-4000:]}"
    return json.loads((workdir / "summary.json").read_text()), seconds
