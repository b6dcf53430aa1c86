"""Running an external program: bounded in time, alone in its process group, loud when it fails."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitwright.core.errors import StorageError, ToolFailed, ToolMissing, ToolTimeout

__all__ = ["Completed", "Deadline", "run"]

_GRACE_S = 2.0
_LOG_LINES = 60
_DISK_FULL = ("No space left on device", "Disk quota exceeded")


@dataclass(frozen=True, slots=True)
class Completed:
    """What a program printed and how long it took; it ended with status 0."""

    stdout: str
    stderr: str
    seconds: float


class Deadline:
    """One time limit shared by several calls in a row.

    >>> 0 < Deadline(60).left_s <= 60
    True
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._start = time.monotonic()

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    @property
    def left_s(self) -> float:
        """Seconds that remain, never below a millisecond (so that the next call reports the timeout)."""
        return max(self.timeout_s - self.spent_s, 0.001)


def run(
    command: Sequence[str],
    cwd: Path,
    timeout_s: float,
    *,
    name: str = "",
    env: Mapping[str, str] | None = None,
    missing: str = "",
    remedy: str = "",
) -> Completed:
    """Run `command` in `cwd` without a shell and return what it printed.

    `name` is the word for the program in errors (default: its file name), `env` is added to the
    environment, `missing` is the advice when the program is not there and `remedy` when it fails.
    The program gets a process group of its own; on a timeout or an interrupt that group is ended,
    and nothing else.

    Raises `ToolMissing` (not there, not executable), `ToolTimeout`, `ToolFailed` (status other than
    0, or ended by a signal; `log` holds the tail of its output) and `StorageError` (disk full).
    """
    label = name or Path(command[0]).name
    started = time.monotonic()
    process = _start(command, cwd, label, env, missing)
    try:
        stdout, stderr = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        log = _log(*_end(process))
        raise ToolTimeout(
            f"not finished after {timeout_s:g} s",
            where=label,
            remedy="allow more time (timeout_s=) or a smaller design",
            log=log,
        ) from None
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise _failure(label, process.returncode, _log(stdout, stderr), cwd, remedy)
    return Completed(stdout, stderr, time.monotonic() - started)


def _start(
    command: Sequence[str], cwd: Path, label: str, env: Mapping[str, str] | None, missing: str
) -> subprocess.Popen[str]:
    if not cwd.is_dir():
        raise StorageError("the working folder does not exist", where=str(cwd), remedy="create it first")
    try:
        return subprocess.Popen(
            list(command),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOEXEC):
            raise ToolMissing(
                f"cannot start {command[0]!r}",
                where=label,
                why=error.strerror or str(error),
                remedy=missing or "install it and put it on the PATH",
            ) from error
        raise ToolFailed(f"cannot start {command[0]!r}", where=label, why=str(error)) from error


def _end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End the process group politely, then for good; return what it had printed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # The leader is not reaped yet, so its id, which is the group's, cannot name another's group.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_GRACE_S)
    return "", ""


def _log(stdout: str, stderr: str) -> str:
    lines = (stdout.rstrip() + "\n" + stderr.rstrip()).strip().splitlines()
    return "\n".join(lines[-_LOG_LINES:])


def _failure(label: str, status: int, log: str, cwd: Path, remedy: str) -> StorageError | ToolFailed:
    full = [line for line in log.splitlines() if any(words in line for words in _DISK_FULL)]
    if full:
        return StorageError(
            f"{label} found no space left",
            where=str(cwd),
            why=full[-1],
            remedy="free some space or name another working folder",
        )
    number = _killer(status, log)
    killed = _signal_name(number)
    if not killed:
        return ToolFailed(f"ended with status {status}", where=label, remedy=remedy, log=log)
    short = "often the system is out of memory" if number == signal.SIGKILL else ""
    return ToolFailed(
        f"was killed by {killed}",
        where=label,
        why=short,
        remedy=remedy or "run it again, with more memory or a smaller design",
        log=log,
    )


def _killer(status: int, log: str) -> int:
    """The number of the signal that ended the program or the child it waited for; 0 for none."""
    if status < 0:
        return -status
    # make and the compiler drivers end by themselves when their own child was killed.
    if "Killed signal terminated" in log:
        return signal.SIGKILL
    # A shell reports a child's signal n as status 128 + n.
    return max(status - 128, 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
