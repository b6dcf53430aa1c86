"""The same model in float64, in a process of its own: the second opinion on every float.

Maps are read once more there; codes on which float32 and float64 disagree are unstable. Sums
beyond 2**24 steps, which float32 does not hold, take their maps and their truth from here.
JAX computes in float64 only when it is told so before it starts, hence the process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel
from bitwright.frontends.grid.walk import Declared
from bitwright.ir.graph import Graph, parse, show
from bitwright.ir.graph.ops import Map
from bitwright.ir.interface import Head
from bitwright.numeric import IntArray

__all__ = ["graph_in_float64", "logits_in_float64", "map_differences"]

_TIMEOUT_S = 900
_MOST = 1 << 20


def logits_in_float64(model: Any, x: Sequence[NDArray[Any]], heads: Sequence[Head]) -> list[NDArray[np.float64]]:
    """The model's outputs before their float heads, every layer rebuilt with dtype float64."""
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(scratch)
        np.savez(folder / "x.npz", *[np.asarray(a) for a in x])
        _ask(model, folder, "logits", *(head.name for head in heads))
        with np.load(folder / "y.npz", allow_pickle=False) as found:
            return [found[name] for name in found.files]


def graph_in_float64(
    model: Any,
    input_format: Any = None,
    output_format: str | None = None,
    writable: Mapping[str, Declared] | None = None,
) -> Graph:
    """The graph as the float64 twin of `model` reads: the same but for unstable codes."""
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(scratch)
        given = [str(part) for part in input_format] if isinstance(input_format, tuple) else input_format
        told = {"input_format": given, "output_format": output_format, "writable": writable}
        _ask(model, folder, "graph", json.dumps(told))
        return parse((folder / "graph.txt").read_text())


def map_differences(left: Graph, right: Graph) -> dict[int, tuple[tuple[int, int], ...]]:
    """For each Map position of `left` the (row, code) pairs on which `right`'s map of that position differs.

    Ranges above 2**20 codes are compared at an even sweep and beside every threshold.
    """
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for position, (ours, theirs) in enumerate(zip(left.nodes, right.nodes, strict=True)):
        if not isinstance(ours.op, Map) or not isinstance(theirs.op, Map) or ours.op == theirs.op:
            continue
        low, high = left.nodes[ours.args[0]].type.bounds()
        rows = np.broadcast_to(ours.op.rows.array, low.shape)
        pairs: list[tuple[int, int]] = []
        for row in range(ours.op.form.count):
            mine = rows == row
            codes = _codes(ours.op, theirs.op, row, int(low[mine].min()), int(high[mine].max()))
            differing = ours.op.form(codes, np.array(row)) != theirs.op.form(codes, np.array(row))
            pairs += [(row, int(code)) for code in codes[differing]]
        found[position] = tuple(pairs)
    return found


def _codes(left: Map, right: Map, row: int, low: int, high: int) -> IntArray:
    if high - low < _MOST:
        return np.arange(low, high + 1)
    near = [np.linspace(low, high, 1 << 12).astype(np.int64)]
    for form in (left.form, right.form):
        steps = getattr(form, "thresholds", None)
        if steps is not None:
            near += [steps.array[row] + delta for delta in (-2, -1, 0, 1, 2)]
    every = np.concatenate(near)
    return np.unique(every[(every >= low) & (every <= high)])


# ---- the other process -------------------------------------------------------------------------------


def _ask(model: Any, folder: Path, question: str, *arguments: str) -> None:
    import keras

    environment = {**_kernels(), **os.environ, "KERAS_BACKEND": keras.backend.backend(), "JAX_ENABLE_X64": "1"}
    model.save(folder / "model.keras")
    command = [sys.executable, "-m", __name__, str(folder), question, *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        failed = done.returncode != 0
        why = (done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"])[-1]
    except (OSError, subprocess.TimeoutExpired) as error:
        failed, why = True, str(error)
    if failed:
        raise InvalidModel(
            "the model does not run in float64",
            where=model.name,
            why=why,
            remedy="verify with float64=False, and quantize so that sums stay below 2**24 steps",
        )


@cache
def _kept() -> TemporaryDirectory[str]:
    """A folder that lives as long as this process."""
    return TemporaryDirectory(prefix="bitwright-kernels-", ignore_cleanup_errors=True)


def _kernels() -> dict[str, str]:
    """Where JAX keeps what it compiled: hundreds of small kernels take most of such a process's time, and the next
    one needs the same."""
    return {
        "JAX_COMPILATION_CACHE_DIR": _kept().name,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _promoted(config: Any) -> Any:
    """A Keras configuration with every float32 dtype and policy made float64."""
    if isinstance(config, dict):
        return {key: _promoted(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_promoted(value) for value in config)
    return "float64" if config == "float32" else config


def _twin(folder: Path) -> Any:
    import keras

    from bitwright.frontends.keras.read import load_model

    keras.config.set_floatx("float64")
    stored = load_model(folder / "model.keras")
    twin = type(stored).from_config(_promoted(stored.get_config()))
    twin.set_weights(stored.get_weights())
    return twin


def _serve(folder: Path, question: str, arguments: Sequence[str]) -> None:
    from bitwright.frontends.keras.read import read_model
    from bitwright.frontends.keras.truth import logits

    twin = _twin(folder)
    if question == "graph":
        told = json.loads(arguments[0])
        if isinstance(told["input_format"], list):
            told["input_format"] = tuple(told["input_format"])
        (folder / "graph.txt").write_text(show(read_model(twin, **told).graph))
        return
    with np.load(folder / "x.npz", allow_pickle=False) as given:
        x = [given[name].astype(np.float64) for name in given.files]
    np.savez(folder / "y.npz", *logits(twin, x, [Head[name] for name in arguments]))


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
