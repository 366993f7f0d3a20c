"""Runs of the lab as processes forked from one that has imported everything.

A proof of many short runs would otherwise spend most of its time on imports. The program that a
run compiles comes from a cache.
"""

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

IMPORTED = ("train.run", "train.__main__", "train.report", "configs.digits", "sklearn.datasets")


class Forks:
    """A context in which runs are started."""

    def __enter__(self) -> "Forks":
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(IMPORTED))
        self.folder = Path(tempfile.mkdtemp())
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder)

    def start(
        self,
        main: Callable[..., int],
        *arguments: Any,
        log: Path | None = None,
        cached: bool = True,
        settings: Mapping[str, Any] | None = None,
    ):
        """Start `main(*arguments)` in a process, with these settings of JAX."""
        cache = {"jax_compilation_cache_dir": str(self.folder / "cache")} if cached else {}
        cache |= {"jax_persistent_cache_min_compile_time_secs": 0.0}
        log = log or self.folder / "log"
        process = self._context.Process(
            target=_child, args=(log, {**cache, **(settings or {})}, main, arguments)
        )
        process.start()
        return process

    def complete(self, workdir: Path, *arguments: str, **options: Any) -> dict[str, Any]:
        """Train to the end; return the summary."""
        log = self.folder / "log"
        process = self.start(train, *arguments, "--workdir", str(workdir), log=log, **options)
        process.join()
        assert process.exitcode == 0, f"exit code {process.exitcode}:\n{log.read_text()[-4000:]}"
        return json.loads((workdir / "summary.json").read_text())


def train(*arguments: str) -> int:
    """Do as `python -m train ARGUMENTS` does."""
    from train.__main__ import main

    return main(arguments)


def _child(
    log: Path, settings: Mapping[str, Any], main: Callable[..., int], arguments: tuple[Any, ...]
) -> None:
    import jax

    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    for name, value in settings.items():
        jax.config.update(name, value)
    sys.exit(main(*arguments))
