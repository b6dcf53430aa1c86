"""The process that computes in float64: it starts with the first question and stays for the next ones.

JAX computes in float64 only when it is told so before it starts, hence a process. Most of a question's time was the
start (Keras, JAX, hundreds of small kernels to compile), hence one that stays.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from bitwright.core.errors import InvalidModel

__all__ = ["Kept", "ask", "end", "kept"]

_SERVER = "bitwright.frontends.keras.double_server"
_TIMEOUT_S = 900
_QUESTIONS = 200
"""Then another process takes over: what JAX keeps of every model stays small."""


def ask(model: Any, folder: Path, question: str, *arguments: str) -> None:
    """Have `question` about `model` answered by files in `folder` (see `double_server`).

    Raises InvalidModel, saying why, where the process cannot start, does not answer in 15 minutes or fails.
    """
    import keras

    model.save(folder / "model.keras")
    with _asking:
        why = _said(keras.backend.backend(), json.dumps([str(folder), question, *arguments]))
    if why:
        raise InvalidModel(
            "the model does not run in float64",
            where=model.name,
            why=why,
            remedy="verify with float64=False, and quantize so that sums stay below 2**24 steps",
        )


class Kept:
    """The process, and how many questions are `left` to it."""

    def __init__(self, backend: str) -> None:
        # A file holds what it complains of: a pipe that nobody reads would stop it.
        self._complaints = TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", _SERVER],
            env={**os.environ, "KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints, text=True,
        )  # fmt: skip
        self.left = _QUESTIONS

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def answer(self, line: str) -> str | None:
        """Why there is no answer ("": there is one); None where the process had gone home, as it does when idle."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.left -= 1
        alarm = threading.Timer(_TIMEOUT_S, self.process.kill)
        alarm.start()
        try:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            late = not alarm.is_alive()
            alarm.cancel()
        if answer:
            return json.loads(answer)
        status = self.process.wait()
        if status == 0:
            return None
        return f"it did not answer in {_TIMEOUT_S} s" if late else self._last_words(status)

    def _last_words(self, status: int) -> str:
        self._complaints.seek(0)
        return (self._complaints.read().strip().splitlines() or [f"it ended with status {status}"])[-1]

    def end(self) -> None:
        """End it; what it was asked is answered."""
        self.process.kill()
        self.process.communicate()
        self._complaints.close()


_asking = threading.Lock()
kept: dict[str, Kept] = {}
"""By backend; of this process alone."""


def _said(backend: str, line: str) -> str:
    """What the process says to a question; one that had gone home is called again."""
    try:
        told = _at_work(backend).answer(line)
        if told is None:
            told = _at_work(backend).answer(line)
    except OSError as error:
        return str(error)
    return "it ended before it was asked" if told is None else told


def _at_work(backend: str) -> Kept:
    found = kept.get(backend)
    if found is not None and (not found.left or not found.lives):
        kept.pop(backend).end()
        found = None
    if found is None:
        found = kept[backend] = Kept(backend)
    return found


@atexit.register
def end() -> None:
    """End what was started; the next question starts another."""
    for process in kept.values():
        process.end()
    kept.clear()


def _forget() -> None:
    """In a child of this process: its questions are its own."""
    global _asking
    _asking = threading.Lock()
    kept.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
