"""Where a search for table networks stands, on disk: whole or not at all."""

from __future__ import annotations

import io
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError, StorageError
from bitwright.core.files import write_atomic
from bitwright.search.gradient.checkpoint import Place, Row
from bitwright.search.tables.layer import TableLayer
from bitwright.search.tables.network import TableNetwork

__all__ = ["Journal", "Standing"]

_FILE = "tables.npz"
_ARRAYS = ("step", "weights", "bias", "fraction", "alive")


@dataclass(eq=False)
class Standing:
    """Everything that the next epoch depends on.

    network: in descent, after `epoch` epochs. kept: what the finish begins with, by falling price, and `finished` what
    it ended with, by place among them. epochs, ends: of the whole search.
    """

    network: TableNetwork
    epochs: tuple[int, int, int]
    ends: tuple[float, float]
    epoch: int = 0
    kept: list[TableNetwork] = field(default_factory=list[TableNetwork])
    finished: dict[int, TableNetwork] = field(default_factory=dict[int, TableNetwork])
    history: list[Row] = field(default_factory=list[Row])


class Journal:
    """The file of a search in `folder` (None: nowhere), written at most every `Place.every_s` seconds.

    `fingerprint` names data and options; a file of another search is refused by a ConfigError.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self.path = None if folder is None else folder / _FILE
        self.fingerprint, self._last = fingerprint, time.monotonic()

    def read(self) -> Standing | None:
        """Where the search stood; None if it begins here."""
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
        kept = [_taken(arrays, told, f"kept{i}") for i in range(told["kept"])]
        finished = {i: _taken(arrays, told, f"finished{i}") for i in told["finished"]}
        return Standing(
            _taken(arrays, told, "network"), tuple(told["epochs"]), tuple(told["ends"]), told["epoch"], kept, finished,
            [Row(**row) for row in told["history"]],
        )  # fmt: skip

    def write(self, at: Standing, always: bool = False) -> None:
        """Keep `at`, if the last one is old enough, or `always`."""
        if self.path is None or (not always and time.monotonic() - self._last < Place.every_s):
            return
        arrays: dict[str, Any] = {}
        networks = {"network": at.network, **{f"kept{i}": n for i, n in enumerate(at.kept)}}
        networks |= {f"finished{i}": n for i, n in at.finished.items()}
        for name, network in networks.items():
            _put(arrays, name, network)
        told = {
            "fingerprint": self.fingerprint, "epochs": at.epochs, "ends": at.ends, "epoch": at.epoch,
            "kept": len(at.kept), "finished": sorted(at.finished), "history": [asdict(row) for row in at.history],
            "bits": {name: [layer.bits for layer in n.layers] for name, n in networks.items()},
            "steps": {name: n.steps for name, n in networks.items()},
        }  # fmt: skip
        arrays["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        write_atomic(self.path, stream.getvalue())
        self._last = time.monotonic()


def _put(arrays: dict[str, Any], name: str, network: TableNetwork) -> None:
    for place, layer in enumerate(network.layers):
        arrays.update({f"{name}.{place}.{part}": getattr(layer, part) for part in _ARRAYS})
        arrays.update({f"{name}.{place}.moment{i}": moment for i, moment in enumerate(layer.moments)})


def _taken(arrays: dict[str, NDArray[Any]], told: dict[str, Any], name: str) -> TableNetwork:
    layers: list[TableLayer] = []
    for place, bits in enumerate(told["bits"][name]):
        parts: dict[str, Any] = {part: arrays[f"{name}.{place}.{part}"] for part in _ARRAYS}
        moments: list[Any] = [arrays[f"{name}.{place}.moment{i}"] for i in range(4)]
        layers.append(TableLayer(bits=bits, moments=moments, **parts))
    return TableNetwork(layers, told["steps"][name])
