"""Evaluations that other processes can import; what they do follows from the configuration and the seed alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bitwright.search.executors import Executor, InProcess, Processes, RayCluster
from bitwright.search.space import Choice, Configuration
from bitwright.search.study import Study
from bitwright.search.trial import Context, Outcome, Trial

SPACE = (
    Choice("bits", (1, 2, 3, 4, 6, 8)),
    Choice("quantizer", ("binary", "ternary", "bits", None)),
    Choice("bias", (True, False)),
    Choice("rate", (0.5, 0.1, 0.01)),
)


def score(configuration: Configuration, context: Context) -> float:
    bits = configuration["bits"]
    assert isinstance(bits, int)
    return -abs(bits - 4) - (configuration["quantizer"] != "ternary") + (context.seed % 1000) / 1e6


def plain(configuration: Configuration, context: Context) -> Outcome:
    """One objective, reports on the way, a file, and a failure for one of the options."""
    if configuration["quantizer"] is None:
        raise ValueError("no quantizer is no answer")
    value = score(configuration, context)
    for epoch in range(1, 4):
        context.report(epoch, value - 3 / epoch)
    (context.folder / "weights.txt").write_text(str(context.seed))
    return Outcome((value,), facts={"bits": configuration["bits"]})


def several(configuration: Configuration, context: Context) -> Outcome:
    """Accuracy up, bits down, and a limit on both."""
    bits = float(configuration["bits"] or 0)
    return Outcome((score(configuration, context), bits), violations=(bits - 6,))


@dataclass(frozen=True)
class Logged:
    """`plain`, slowly, with a line in `path` for every training that starts."""

    path: Path
    delay_s: float = 0.0

    def __call__(self, configuration: Configuration, context: Context) -> Outcome:
        with self.path.open("a") as stream:
            stream.write(f"{context.number} {os.getpid()}\n")
        time.sleep(self.delay_s)
        return plain(configuration, context)

    @property
    def started(self) -> list[tuple[int, int]]:
        """Trial number and process of every start."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [(int(number), int(process)) for number, process in (line.split() for line in lines)]


@dataclass(frozen=True)
class Dying:
    """`plain`, but the process of trial `number` dies in the middle of its first `times` attempts."""

    path: Path
    number: int
    times: int
    by_signal: bool = True

    def __call__(self, configuration: Configuration, context: Context) -> Outcome:
        with self.path.open("a") as stream:
            stream.write(f"{context.number} {os.getpid()}\n")
        if context.number == self.number and sum(n == self.number for n, _ in Logged(self.path).started) <= self.times:
            (context.folder / "half").write_text("x")
            context.report(1, 0.0)
            if self.by_signal:
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(3)
        return plain(configuration, context)


@dataclass(frozen=True)
class Sleeping:
    """Trial `number` never ends."""

    number: int

    def __call__(self, configuration: Configuration, context: Context) -> Outcome:
        time.sleep(3600.0 if context.number == self.number else 0.0)
        return Outcome((1.0,))


@dataclass(frozen=True)
class Tooled:
    """A trial that waits for a tool which never ends; the tool's process is noted in `path`."""

    path: Path

    def __call__(self, configuration: Configuration, context: Context) -> Outcome:
        tool = subprocess.Popen(["sleep", "3600"])
        self.path.write_text(f"{tool.pid}")
        return Outcome((float(tool.wait()),))


def essence(trials: tuple[Trial, ...]) -> list[object]:
    """All of the trials but the time that they took."""
    return [replace(trial, seconds=0.0) for trial in trials]


def make(folder: Path, method: str, executor: str) -> tuple[Study, Executor]:
    """The study of the tests of resuming; `executor` is "inprocess", "processes" or the address of a Ray cluster."""
    study = Study(folder, SPACE, directions=("maximize",), method=method, seed=5, warm=(WARM,))
    places = {"": InProcess(), "inprocess": InProcess(), "processes": Processes(2)}
    return study, places.get(executor) or RayCluster(executor, workers=2)


WARM: Configuration = {"bits": 8, "quantizer": "bits", "bias": True, "rate": 0.1}

if __name__ == "__main__":
    place, log = Path(sys.argv[1]), Path(sys.argv[2])
    study, executor = make(place, sys.argv[3], sys.argv[4])
    study.run(Logged(log, delay_s=0.05), trials=int(sys.argv[5]), executor=executor)
