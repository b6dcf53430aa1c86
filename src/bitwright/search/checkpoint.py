"""Where a search that trains stands, on disk: named arrays and plain data, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError, StorageError
from bitwright.core.files import write_atomic

__all__ = ["CheckpointFile", "Row", "fingerprint_of"]


@dataclass(frozen=True)
class Row:
    """One epoch of one model: the stage, its number, loss, validation score, price, and the price's weight."""

    stage: str
    run: int
    epoch: int
    loss: float
    score: float
    price: float
    beta: float


class CheckpointFile:
    """The file `name` of a search in `folder` (None: nowhere), due at most every `every_s` seconds.

    `fingerprint` names model, data and options; a file of another search is refused by a ConfigError.
    """

    every_s: ClassVar[float] = 20.0

    def __init__(self, folder: Path | None, name: str, fingerprint: str) -> None:
        self.path = None if folder is None else folder / name
        self.fingerprint, self._last = fingerprint, time.monotonic()

    @property
    def due(self) -> bool:
        """Whether there is a file to write, and what is there is old enough to be replaced."""
        return self.path is not None and time.monotonic() - self._last >= self.every_s

    def load(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
        """Arrays and plain data as they were stored; None where the search begins here."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
            told = json.loads(arrays.pop("told").tobytes())
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise StorageError(
                "it cannot be read", where=str(self.path), why=str(error), remedy="remove it to begin anew"
            ) from error
        if told["fingerprint"] != self.fingerprint:
            raise ConfigError(
                "it holds another search: the model, the data or the options differ",
                where=str(self.path),
                remedy="name another folder, or remove the file",
            )
        return arrays, told

    def store(self, arrays: Mapping[str, Any], told: Mapping[str, Any]) -> None:
        """Replace what is there."""
        if self.path is None:
            return
        plain = json.dumps({"fingerprint": self.fingerprint, **told})
        stream = io.BytesIO()
        np.savez(stream, **arrays, told=np.frombuffer(plain.encode(), np.uint8))
        write_atomic(self.path, stream.getvalue())
        self._last = time.monotonic()


def fingerprint_of(texts: Iterable[str], arrays: Iterable[NDArray[Any]]) -> str:
    """A name for what a search depends on: options and models as text, data and weights."""
    told = hashlib.sha256()
    for text in texts:
        told.update(text.encode())
    for array in arrays:
        told.update(np.ascontiguousarray(array).tobytes())
    return told.hexdigest()
