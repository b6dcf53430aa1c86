"""Where a search for table networks stands, on disk: whole or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bitwright.search.checkpoint import CheckpointFile, Row
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


class Journal(CheckpointFile):
    """The file of a search for table networks; `fingerprint` names data and options."""

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        super().__init__(folder, _FILE, fingerprint)

    def read(self) -> Standing | None:
        """Where the search stood; None if it begins here."""
        found = self.load()
        if found is None:
            return None
        arrays, told = found
        kept = [_taken(arrays, told, f"kept{i}") for i in range(told["kept"])]
        finished = {i: _taken(arrays, told, f"finished{i}") for i in told["finished"]}
        return Standing(
            _taken(arrays, told, "network"), tuple(told["epochs"]), tuple(told["ends"]), told["epoch"], kept, finished,
            [Row(**row) for row in told["history"]],
        )  # fmt: skip

    def write(self, at: Standing, always: bool = False) -> None:
        """Keep `at`, if the last one is old enough, or `always`."""
        if self.path is None or not (always or self.due):
            return
        arrays: dict[str, Any] = {}
        networks = {"network": at.network, **{f"kept{i}": n for i, n in enumerate(at.kept)}}
        networks |= {f"finished{i}": n for i, n in at.finished.items()}
        for name, network in networks.items():
            _put(arrays, name, network)
        told = {
            "epochs": at.epochs, "ends": at.ends, "epoch": at.epoch,
            "kept": len(at.kept), "finished": sorted(at.finished), "history": [asdict(row) for row in at.history],
            "bits": {name: [layer.bits for layer in n.layers] for name, n in networks.items()},
            "steps": {name: n.steps for name, n in networks.items()},
        }  # fmt: skip
        self.store(arrays, told)


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
