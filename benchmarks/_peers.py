"""Alkaid and da4ml on a constant matrix, each in the Python that has it, as black boxes: matrix in, Verilog out."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._mapped import Mapped, PortMap
from bitwright.numeric import IntArray

__all__ = ["Solved", "python_of", "solved", "version_of"]

SCRIPT = Path(__file__).with_name("_peer_matrix.py")
_ADDER = re.compile(r"\b(shift|ternary)_adder\s*#\(([-\d\s,]+)\)")


def python_of(peer: str) -> str | None:
    """The interpreter that has the peer: of BENCH_<PEER>_PYTHON, or this one; None if there is none."""
    told = os.environ.get(f"BENCH_{peer.upper()}_PYTHON")
    return told or (sys.executable if importlib.util.find_spec(peer) else None)


def version_of(peer: str) -> str:
    """The peer and its version, as told by the interpreter that has it."""
    script = f"from importlib.metadata import version; print(version({peer!r}))"
    told = subprocess.run([str(python_of(peer)), "-c", script], capture_output=True, text=True, check=True)
    return f"{peer} {told.stdout.strip()}"


@dataclass(frozen=True)
class Solved:
    """A peer's Verilog (top `peer`), its CPU seconds, its ports' formats (signed, whole bits, fraction) a word."""

    sources: tuple[str, ...]
    seconds: float
    inputs: tuple[tuple[int, int, int], ...]
    outputs: tuple[tuple[int, int, int], ...]

    @property
    def bits_removed(self) -> int:
        """Bits that go into its adders less those that come out."""
        found = 0
        for kind, told in _ADDER.findall("\n".join(self.sources)):
            n = [int(word) for word in told.split(",")]
            found += n[0] + n[1] - n[4] if kind == "shift" else n[0] + n[4] + n[8] - n[12]
        return found

    def differing(self, mapped: Mapped, x: IntArray, y: IntArray) -> int:
        """Outputs of its mapped netlist that are not `y` for the inputs `x`."""
        shifts = [[-min(fraction, 0) for _, _, fraction in formats] for formats in (self.inputs, self.outputs)]
        if (y & ((1 << np.array(shifts[1])) - 1)).any():
            raise ValueError("a peer's output has too coarse a step")
        ports = _places("model_inp", self.inputs), _places("model_out", self.outputs)
        return mapped.differing(*ports, x >> np.array(shifts[0]), y >> np.array(shifts[1]))


def _places(port: str, formats: tuple[tuple[int, int, int], ...]) -> PortMap:
    low, found = 0, list[tuple[str, int, int, bool]]()
    for signed, whole, fraction in formats:
        bits = signed + whole + fraction
        found.append((port, low, bits, bool(signed)))
        low += bits
    return found


def solved(peer: str, weights: IntArray, formats: IntArray, limit: int, folder: Path, seconds: float) -> Solved | None:
    """What the peer makes of `weights`; None if it does not end within `seconds`.

    `limit`: levels above the least depth, as the peer counts them; -1 for none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "matrix.npz", weights=weights, formats=formats)
    command = [str(python_of(peer)), str(SCRIPT), peer, str(folder), str(limit)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{peer} failed:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    inputs, outputs = (tuple(tuple(word) for word in told[end]) for end in ("inputs", "outputs"))
    return Solved(tuple((folder / name).read_text() for name in told["sources"]), told["seconds"], inputs, outputs)
