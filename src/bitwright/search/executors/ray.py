"""Trials on a Ray cluster. Only the searching process keeps the journal; results, reports and files come back to it."""

from __future__ import annotations

import socket
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from bitwright.core.errors import InvalidValue, ToolFailed, ToolMissing
from bitwright.core.files import inside, write_atomic
from bitwright.search.executors.attempt import Job, Result, attempt
from bitwright.search.trial import Evaluate, State

__all__ = ["RayCluster"]


@dataclass(frozen=True)
class RayCluster:
    """Run `workers` trials at a time on the cluster at `address` ("auto": the one of this machine or its environment).

    A trial takes `cpus` and `gpus`. bitwright must be installed on every node; no file system need be shared: what a
    trial writes into its folder is sent back. `ahead` and `limit_s` are as in `Processes`. A connection of this process
    to Ray that is already there is used and left open.
    """

    address: str = "auto"
    workers: int = 2
    cpus: float = 1.0
    gpus: float = 0.0
    ahead: int = 0
    limit_s: float | None = None

    def __post_init__(self) -> None:
        if self.workers < 1 or self.ahead < 0:
            raise InvalidValue(f"{self} cannot work", remedy="give at least one worker and ahead >= 0")

    @property
    def width(self) -> int:
        """As many trials as workers."""
        return self.workers

    def open(self, evaluate: Evaluate) -> _Session:
        """Connect; raises `ToolMissing` without Ray and `ToolFailed` if the cluster does not answer."""
        ray = _ray()
        own = not ray.is_initialized()
        if own:
            try:
                _knock(self.address)
                ray.init(address=self.address, log_to_driver=False, configure_logging=False)
            except Exception as error:
                raise ToolFailed(
                    f"no Ray cluster answers at {self.address!r}",
                    where="search",
                    why=f"{type(error).__name__}: {error}",
                    remedy="start one with `ray start --head` and give its address",
                ) from error
        return _Session(ray, evaluate, self, own)


def _knock(address: str) -> None:
    """Raise `OSError` if nobody listens at host:port; Ray itself would go on trying for minutes."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        remedy = "pip install 'bitwright[cluster]'"
        raise ToolMissing("ray is not installed", where="search", remedy=remedy) from error
    return ray


class _Session:
    def __init__(self, ray: Any, evaluate: Evaluate, place: RayCluster, own: bool) -> None:
        self.ray = ray
        self.place = place
        self.own = own
        self.evaluate = ray.put(evaluate)
        self.task = ray.remote(_remote).options(num_cpus=place.cpus, num_gpus=place.gpus, max_retries=0)
        self.out: dict[Any, tuple[Job, float]] = {}

    def submit(self, job: Job) -> None:
        self.out[self.task.remote(self.evaluate, job)] = job, time.monotonic()

    def wait(self) -> Result:
        while True:
            ready, _ = self.ray.wait(list(self.out), num_returns=1, timeout=1.0)
            if ready:
                return self._fetch(ready[0])
            late = self._late()
            if late:
                return late

    def _fetch(self, reference: Any) -> Result:
        job, start = self.out.pop(reference)
        try:
            result, files = self.ray.get(reference)
        except self.ray.exceptions.RayError as error:
            text = f"the worker on the cluster died ({type(error).__name__}: {str(error).strip()[:500]})"
            return Result(job.number, State.FAILED, error=text, seconds=time.monotonic() - start, lost=True)
        for name, data in files.items():
            write_atomic(inside(job.folder, name), data)
        return result

    def _late(self) -> Result | None:
        limit = self.place.limit_s
        for reference, (job, start) in self.out.items():
            if limit is not None and time.monotonic() - start > limit:
                self.ray.cancel(reference, force=True)
                del self.out[reference]
                return Result(job.number, State.FAILED, error=f"took longer than {limit:g} s", seconds=limit)
        return None

    def __enter__(self) -> _Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reference in self.out:
            self.ray.cancel(reference, force=True)
        self.out.clear()
        if self.own:
            self.ray.shutdown()


def _remote(evaluate: Evaluate, job: Job) -> tuple[Result, dict[str, bytes]]:
    """One attempt in a folder of the node it runs on, and the files that it left there."""
    with tempfile.TemporaryDirectory(prefix="bitwright-") as name:
        folder = Path(name) / job.folder.name
        result = attempt(evaluate, replace(job, folder=folder))
        files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return result, files
