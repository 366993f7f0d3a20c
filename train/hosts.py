"""The processes of one job: how they find each other, agree, and end together."""

import contextlib
import ctypes
import json
import os
import signal
import time
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn

import jax
from jax._src import distributed

from train import config
from train.errors import INTERNAL, RESTART, UserError
from train.log import say
from train.watchdog import ROLL_CALL, ROOT, Watchdog, coordinator_gone

LAUNCHERS: dict[str, tuple[str, ...]] = {
    "SLURM": ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID"),
    "Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    "Kubernetes": ("KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"),
    "TPU": ("TPU_WORKER_HOSTNAMES", "TPU_WORKER_ID"),
}
"""Variables by which a launcher is known; JAX then asks it for the rest."""

SIZES = {"SLURM": "SLURM_NTASKS", "Open MPI": "OMPI_COMM_WORLD_SIZE"}
"""Variables that tell the number of processes."""


CONNECTION = ("Gloo", "NCCL", "DEADLINE_EXCEEDED", "UNAVAILABLE", "coordination")
"""Words of errors that come from the connection of processes, not from the program."""


class Together(UserError):
    """An end to which all processes come at the same step; process 0 may still be saving."""


class Job:
    """One of the processes that train together; alone, unless there is a watchdog."""

    def __init__(self, index: int = 0, count: int = 1, watchdog: Watchdog | None = None):
        self.index, self.count = index, count
        self._watchdog, self._rounds = watchdog, 0

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.index == 0

    def mark(self, phase: str) -> None:
        """Note progress, and in what."""
        if self._watchdog:
            self._watchdog.mark(phase)

    def collect(self, value: Any) -> list[Any]:
        """Return the JSON-able values of all processes, in their order; all must call it."""
        if not self._watchdog:
            return [value]
        client = distributed.global_state.client
        assert client is not None
        self._rounds += 1
        folder = f"{ROOT[:-1]}-round/"
        client.key_value_set(f"{folder}{self._rounds}/{self.index}", json.dumps(value))
        found = [self._read(client, f"{folder}{self._rounds}/{i}") for i in range(self.count)]
        if self.first and self._rounds > 1:
            client.key_value_delete(f"{folder}{self._rounds - 1}/")  # All have read it by now.
        return found

    def any(self, flag: object) -> bool:
        """Say whether the flag is set in any process; all must ask."""
        return any(self.collect(bool(flag)))

    def agree(self, **facts: str) -> None:
        """Raise unless all processes say the same."""
        for name, values in _columns(self.collect(facts)).items():
            others = [i for i, value in enumerate(values) if value != values[0]]
            if others:
                raise UserError(
                    f"process {', '.join(map(str, others))} has another {name} than process 0: "
                    "start all of them with the same command, on the same data"
                )

    def announce(self, text: str, code: int) -> None:
        """Tell the others that this process leaves, so that they do."""
        if self._watchdog:
            self._watchdog.announce(f"process {self.index}: {text}", code)

    def _read(self, client: Any, key: str) -> Any:
        """Wait for another process's value; how long, the watchdog decides."""
        while True:
            try:
                return json.loads(client.blocking_key_value_get(key, 10_000))
            except Exception as error:
                if "DEADLINE_EXCEEDED" not in str(error):
                    raise


def _columns(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


@contextlib.contextmanager
def joined(hosts: config.Hosts) -> Iterator[Job]:
    """Join the other processes, if there are any, for as long as the context lasts.

    With others, an error does not leave the context: it ends this process and tells the others.
    """
    if not _connect(hosts):
        yield Job()
        return
    state = distributed.global_state
    watchdog = Watchdog(
        state.client,
        state.process_id,
        state.num_processes,
        heartbeat=hosts.heartbeat,
        patience=hosts.watchdog,
    )
    if state.process_id:
        _answer_for_runtime(watchdog)
    watchdog.start()
    job = Job(state.process_id, state.num_processes, watchdog)
    try:
        yield job
        job.mark("waiting for the others to finish")
        job.collect("end")
    except Exception as error:
        _end(job, watchdog, error)
    watchdog.stop()
    jax.distributed.shutdown()


def _end(job: Job, watchdog: Watchdog, error: Exception) -> NoReturn:
    """Leave with the error's code; the others leave too, with the same."""
    if isinstance(error, Together):
        job.mark("waiting for the others to stop")
        job.collect("end")
        watchdog.stop()
        watchdog.leave(error.exit_code, str(error) if job.first else "")
    if isinstance(error, UserError):
        job.announce(str(error), error.exit_code)
        watchdog.leave(error.exit_code, str(error))
    # Often another process has died, and a collective operation with it: then say who.
    watchdog.alarm()
    time.sleep(ROLL_CALL + 1.0)
    text = f"{type(error).__name__}: {error}"
    if any(word in text for word in CONNECTION):
        text = f"the processes have lost each other ({text}); start all of them again"
        job.announce(text, RESTART)
        watchdog.leave(RESTART, text)
    traceback.print_exception(error)
    job.announce(text, INTERNAL)
    watchdog.leave(INTERNAL)


def _connect(hosts: config.Hosts) -> bool:
    """Connect to the other processes; return whether there are any."""
    launcher = {"auto": launched(), "jax": "JAX", "none": ""}[hosts.launcher]
    given = bool(hosts.coordinator) + (hosts.count > 0) + (hosts.index >= 0)
    if hosts.launcher == "none" or not (launcher or given) or hosts.count == 1:
        return False
    if not launcher and given < 3:
        raise UserError(
            "no launcher is known here, so --hosts.coordinator ADDRESS:PORT, --hosts.count N and "
            "--hosts.index I are needed together"
        )
    # SIGTERM is the run's: the runtime's service would swallow it.
    jax.config.update("jax_enable_preemption_service", False)
    wait = int(hosts.wait)
    try:
        jax.distributed.initialize(
            hosts.coordinator or None,
            hosts.count or None,
            hosts.index if hosts.index >= 0 else None,
            cluster_detection_method=None if launcher else "deactivate",
            initialization_timeout=wait,
            heartbeat_timeout_seconds=int(max(100, 4 * hosts.heartbeat)),
        )
    except Exception as error:
        raise UserError(
            f"the processes of the job ({launcher or hosts.coordinator}) did not come together "
            f"within {wait} s: {error}. Give --hosts.coordinator, --hosts.count and --hosts.index "
            "yourself, or train alone with --hosts.launcher none",
            RESTART,
        ) from error
    state = distributed.global_state
    if state.process_id == 0:
        by = launcher or "its flags"
        say(f"{state.num_processes} processes by {by}, coordinator {state.coordinator_address}")
    return state.num_processes > 1


def launched() -> str:
    """Return the name of what has launched this process as one of several, or nothing.

    >>> launched()
    ''
    """
    for name, variables in LAUNCHERS.items():
        if all(os.environ.get(variable) for variable in variables):
            alone = os.environ.get(SIZES.get(name, ""), "") == "1"
            if name == "TPU":
                alone = "," not in os.environ["TPU_WORKER_HOSTNAMES"]
            if not alone:
                return name
    return ""


def _answer_for_runtime(watchdog: Watchdog) -> None:
    """Leave in our way when JAX's runtime aborts because the coordinator has died.

    It does so within milliseconds, without asking: its callback for that cannot be written in
    Python (jaxlib 0.10.2 fails to convert the argument), so the abort's signal is taken.
    """

    def aborted(number: int) -> None:
        watchdog.leave(RESTART, coordinator_gone("the runtime lost it"))

    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(aborted)
    _HANDLERS.append(handler)
    ctypes.CDLL(None).signal(int(signal.SIGABRT), handler)


_HANDLERS: list[Any] = []
"""Keeps what C calls from being collected."""
