"""Bit- and cycle-exact simulation of Verilog from numpy, with whichever simulator is there.

A cycle is: set the inputs, settle with the clock low, sample the outputs, then the rising edge. An output
row therefore shows what stands at the outputs just before the edge that consumes the same row's inputs:
a design with a latency of n cycles answers row t in row t + n.
"""

from __future__ import annotations

import ctypes
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue, ToolFailed, ToolMissing
from bitwright.core.progress import Progress, Silent
from bitwright.toolchain.bridge import Job, driver_sources
from bitwright.toolchain.cxxrtl import build_cxxrtl, cxxrtl_tools
from bitwright.toolchain.find import Tool
from bitwright.toolchain.ports import Ports, word_count
from bitwright.toolchain.stage import checked_name, digest, read_sources, scratch, storing
from bitwright.toolchain.verilator import build_verilator, verilator_tools
from bitwright.toolchain.words import from_int, to_int

__all__ = ["Built", "Simulation", "build"]

Words = NDArray[np.uint32]
_CHUNK_ROWS = 8192
# To be raised when the options of a build change: libraries of before are then not reused.
_CACHE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Built:
    """A simulator as a shared library: which tools made it, how long it took, whether it was reused."""

    library: Path
    simulator: str
    tools: tuple[Tool, ...]
    seconds: float
    reused: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    tools: tuple[Tool, ...]
    make: Callable[[Job, Path, float], Path]


def build(
    sources: Sequence[Path],
    top: str,
    ports: Ports,
    workdir: Path,
    *,
    simulator: Literal["auto", "verilator", "cxxrtl"] = "auto",
    timeout_s: float = 900,
    progress: Progress | None = None,
) -> Simulation:
    """Build a simulator of `top` and open it.

    `auto` takes Verilator where it is installed and else CXXRTL; both give the same rows. The library
    stays in `workdir` under a name made from the content of all inputs and is reused when nothing has
    changed. Memory images that the Verilog reads by name belong to `sources`.

    Raises `ToolMissing`, `ToolFailed`, `ToolTimeout`, `StorageError`, and `InvalidValue` when a port
    has another width than `ports` says.
    """
    job = Job(read_sources(sources), checked_name(top, "top module"), ports)
    kind = _kind(simulator, progress)
    workdir = workdir.resolve()
    key = digest(_fingerprint(job, kind, workdir))
    library = workdir / f"simulation-{key}.so"
    started, reused = time.monotonic(), library.is_file()
    if kind.name == "verilator":
        job = job.with_data_in(workdir / f"simulation-{key}.data")
    if not reused:
        with scratch(workdir, "simulation") as folder:
            made = kind.make(job, folder, timeout_s)
            with storing(library):
                os.replace(made, library)
    return Simulation(ports, Built(library, kind.name, kind.tools, time.monotonic() - started, reused))


def _kind(simulator: str, progress: Progress | None) -> _Kind:
    if simulator not in ("auto", "verilator", "cxxrtl"):
        raise InvalidValue(f"unknown simulator {simulator!r}", remedy="auto, verilator or cxxrtl")
    if simulator != "cxxrtl":
        try:
            tools = verilator_tools()
            return _Kind("verilator", tools, lambda job, at, s: build_verilator(job, at, s, tools, progress))
        except ToolMissing:
            if simulator == "verilator":
                raise
    pair = cxxrtl_tools()
    return _Kind("cxxrtl", pair, lambda job, at, s: build_cxxrtl(job, at, s, pair, progress))


def _fingerprint(job: Job, kind: _Kind, workdir: Path) -> list[str | bytes]:
    parts: list[str | bytes] = [
        _CACHE_VERSION,
        platform.platform(),
        repr(kind.tools),
        job.wrapper,
        job.header,
    ]
    parts += driver_sources(kind.name).values()
    # Verilator's libraries name data files by their full path and so belong to this folder alone.
    parts += [str(workdir)] if job.data else []
    for name, content in job.contents.items():
        parts += [name, content]
    return parts


class Simulation:
    """A simulated module that keeps its state between calls; use it as a context manager or `close` it."""

    def __init__(self, ports: Ports, built: Built) -> None:
        self.ports = ports
        self.built = built
        self._handle: int | None = None
        self._library = _load(built.library)
        self._inputs = dict(ports.inputs)
        self._in_row = _rows(ports.inputs, 1)
        self._out_row = _rows(ports.outputs, 1)
        self.reset()

    def reset(self) -> None:
        """Back to power-up: registers at their initial value (zero where none is given), inputs at zero."""
        self.close()
        self._handle = self._library.bitwright_open()
        if not self._handle:
            where = self.built.simulator
            raise ToolFailed("the simulation cannot start", where=where, remedy="free some memory")

    def run(
        self, inputs: Mapping[str, Words], *, cycles: int | None = None, progress: Progress | None = None
    ) -> dict[str, Words]:
        """One clock cycle per row: uint32 (cycles, words) by input to the same by output.

        Words are little-endian, ceil(width / 32) a row; bits above the width must be zero. An input of
        one word may have shape (cycles,). Inputs that are not named keep their value; `cycles` is needed
        only where none is named. The state carries on from the call before.

        Raises `InvalidValue`, and `ToolFailed` when the design stops itself or does not settle.
        """
        rows = {name: self._checked(name, words) for name, words in inputs.items()}
        counts = {len(words) for words in rows.values()} | ({cycles} if cycles is not None else set[int]())
        if len(counts) != 1:
            what = f"inputs with {sorted(counts)} cycles"
            raise InvalidValue(what, where="simulation", remedy="one row per cycle in every input")
        count = counts.pop()
        outputs = _rows(self.ports.outputs, count)
        listener = progress or Silent()
        listener.step("simulate", count)
        # In pieces, so that progress is seen and an interrupt is heard.
        for start in range(0, count, _CHUNK_ROWS):
            part = slice(start, min(start + _CHUNK_ROWS, count))
            self._call(
                part,
                {name: words[part] for name, words in rows.items()},
                {name: words[part] for name, words in outputs.items()},
            )
            listener.advance(part.stop - start)
        listener.done(f"{count} cycles")
        return outputs

    def step(self, inputs: Mapping[str, int] | None = None) -> dict[str, int]:
        """One clock cycle with whole-bus unsigned integers: what the outputs showed before the edge.

        Inputs that are not named keep their value.
        """
        given: dict[str, Words] = {}
        for name, value in (inputs or {}).items():
            width = self._width(name)
            given[name] = self._in_row[name]
            given[name][0] = from_int(value, width)
        self._call(slice(0, 1), given, self._out_row)
        return {name: to_int(words[0]) for name, words in self._out_row.items()}

    def close(self) -> None:
        """Free the simulation; `reset` opens it again."""
        if self._handle:
            self._library.bitwright_close(self._handle)
        self._handle = None

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # The constructor may have failed before there was anything to close.
        if getattr(self, "_handle", None):
            self.close()

    def _width(self, name: str) -> int:
        if name not in self._inputs:
            known = ", ".join(self._inputs) or "none"
            raise InvalidValue(f"no input {name!r}", where="simulation", why=f"inputs: {known}")
        return self._inputs[name]

    def _checked(self, name: str, words: Words) -> Words:
        width = self._width(name)
        shaped = words.reshape(-1, 1) if words.ndim == 1 and width <= 32 else words
        if shaped.dtype != np.uint32 or shaped.ndim != 2 or shaped.shape[1] != word_count(width):
            raise InvalidValue(
                f"{words.dtype}{list(words.shape)} for {width} bits",
                where=f"input {name!r}",
                remedy=f"uint32 of shape (cycles, {word_count(width)}); toolchain.pack makes it",
            )
        spare = width % 32
        if spare and len(shaped) and int(shaped[:, -1].max()) >> spare:
            what = f"bits above the width of {width}"
            raise InvalidValue(what, where=f"input {name!r}", remedy="mask the top word")
        return np.ascontiguousarray(shaped)

    def _call(self, part: slice, inputs: Mapping[str, Words], outputs: Mapping[str, Words]) -> None:
        rows = part.stop - part.start
        if not self._handle:
            raise InvalidValue("the simulation is closed", where="simulation", remedy="call reset() first")
        sources = _pointers([inputs.get(name) for name, _ in self.ports.inputs])
        targets = _pointers([outputs.get(name) for name, _ in self.ports.outputs])
        done = self._library.bitwright_run(self._handle, rows, sources, targets)
        if done != rows:
            log = self._library.bitwright_error(self._handle).decode(errors="replace")
            what = f"the design stopped in cycle {part.start + done}"
            raise ToolFailed(what, where=self.built.simulator, log=log, remedy="see the line named")


def _rows(ports: Sequence[tuple[str, int]], count: int) -> dict[str, Words]:
    return {name: np.zeros((count, word_count(width)), np.uint32) for name, width in ports}


def _load(library: Path) -> ctypes.CDLL:
    try:
        loaded = ctypes.CDLL(str(library))
    except OSError as error:
        remedy = "delete it and build again"
        what = "the built simulator does not load"
        raise ToolFailed(what, where=str(library), why=str(error), remedy=remedy) from error
    pointers = ctypes.POINTER(ctypes.c_void_p)
    loaded.bitwright_open.restype = ctypes.c_void_p
    loaded.bitwright_close.argtypes = [ctypes.c_void_p]
    loaded.bitwright_error.argtypes = [ctypes.c_void_p]
    loaded.bitwright_error.restype = ctypes.c_char_p
    loaded.bitwright_run.argtypes = [ctypes.c_void_p, ctypes.c_int64, pointers, pointers]
    loaded.bitwright_run.restype = ctypes.c_int64
    return loaded


def _pointers(arrays: Sequence[Words | None]) -> ctypes.Array[ctypes.c_void_p]:
    addresses = [None if array is None else array.ctypes.data for array in arrays]
    return (ctypes.c_void_p * len(addresses))(*addresses)
