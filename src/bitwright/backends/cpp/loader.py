"""Runs the compiled C++ emulator that lies beside this file; needs numpy and nothing else.

    from emulator import Emulator
    emulator = Emulator("libjets.so")
    emulator.predict(x)          # what the model returns
    emulator.predict_codes(x)    # the integers that the hardware outputs
    emulator.run(codes)          # integers in, integers out
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Emulator"]

PREFIX = ""
"""The beginning of the library's symbols, which holds its content hash."""
_PER_THREAD = 4096


class Emulator:
    """A shared library `path` whose symbols begin with `prefix`; several may be loaded side by side.

    Inputs and outputs are arrays (batch, *shape); several inputs are a list, and so are several outputs.
    `threads`: large batches are shared among so many (None: as many as there are cores, at most 8).
    """

    def __init__(self, path: str | Path, prefix: str = PREFIX, threads: int | None = None) -> None:
        self.threads = threads or min(os.cpu_count() or 1, 8)
        self._library = ctypes.CDLL(str(Path(path).resolve()))
        describe = self._library[f"{prefix}_describe"]
        describe.restype = ctypes.c_char_p
        self.about: dict[str, Any] = json.loads(describe())
        self._calls = {name: self._function(f"{prefix}_{name}") for name in ("predict", "predict_codes", "run")}

    @property
    def name(self) -> str:
        """The model's name."""
        return self.about["name"]

    @property
    def version(self) -> str:
        """The model's version."""
        return self.about["version"]

    @property
    def hash(self) -> str:
        """The content hash of the emulator: other weights, other hash."""
        return self.about["hash"]

    def predict(self, x: Any) -> Any:
        """Floats to what the model returns, float32; raises `ValueError` for NaN and wrong shapes."""
        return self._call("predict", x, "sources", ["float32"] * len(self.about["outputs"]))

    def predict_codes(self, x: Any) -> Any:
        """Floats to the integers that the hardware outputs."""
        return self._call("predict_codes", x, "sources", [o["type"] for o in self.about["outputs"]])

    def run(self, codes: Any) -> Any:
        """Integers to integers; a code outside its input's range is a `ValueError`."""
        for given, told in zip(_listed(codes), self.about["inputs"], strict=False):
            low, high = (np.array(told[end]) for end in ("low", "high"))
            if (np.asarray(given) < low).any() or (np.asarray(given) > high).any():
                raise ValueError(f"a code lies outside the range of input {told['name']}")
        return self._call("run", codes, "inputs", [o["type"] for o in self.about["outputs"]])

    def _function(self, symbol: str) -> Callable[..., int]:
        function = self._library[symbol]
        function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        function.restype = ctypes.c_int
        return function

    def _call(self, name: str, given: Any, side: str, kinds: Sequence[str]) -> Any:
        told = self.about[side]
        arrays = [_contiguous(a, t) for a, t in zip(_all(given, told), told, strict=True)]
        batch = len(arrays[0])
        if any(len(a) != batch for a in arrays):
            raise ValueError("inputs differ in length")
        shapes = [tuple(o["shape"]) for o in self.about["outputs"]]
        results = [np.empty((batch, *shape), dtype=kind) for shape, kind in zip(shapes, kinds, strict=True)]
        work = self._calls[name]
        starts = range(0, batch, _PER_THREAD)

        def part(start: int) -> int:
            count = min(_PER_THREAD, batch - start)
            return work(_pointers(arrays, start), _pointers(results, start), count)

        if len(starts) > 1 and self.threads > 1:
            with ThreadPoolExecutor(self.threads) as pool:
                found = list(pool.map(part, starts))
        else:
            found = [part(start) for start in starts]
        if any(found):
            raise ValueError("the input holds NaN")
        return results[0] if len(results) == 1 else results


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _all(given: Any, told: Sequence[dict[str, Any]]) -> list[Any]:
    arrays = _listed(given)
    if len(arrays) != len(told):
        raise ValueError(f"{len(arrays)} arrays for {len(told)} inputs")
    return arrays


def _contiguous(array: Any, told: dict[str, Any]) -> NDArray[Any]:
    """`array` itself where type and order fit already."""
    found = np.ascontiguousarray(array, dtype=told["type"])
    if found.ndim == 0 or found.size != len(found) * prod(told["shape"]) or found.shape[1:] != tuple(told["shape"]):
        raise ValueError(f"shape {found.shape[1:]} is not {tuple(told['shape'])} of {told['name']}")
    return found


def _pointers(arrays: Sequence[NDArray[Any]], start: int) -> Any:
    places = [a.ctypes.data + start * a.strides[0] if a.size else a.ctypes.data for a in arrays]
    return (ctypes.c_void_p * len(arrays))(*places)
