"""One layer of an HGQ2 file: its settings, its quantizers and its weights, looked up by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.hgq.formats import Formats, read_formats
from bitwright.train.door import keras

__all__ = ["Part", "stored_arrays"]

Config = dict[str, Any]
Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class Part:
    """A layer's class, name, settings and stored arrays by place ("iq/quantizer", "" for its own).

    shapes: of its inputs, without the batch.
    """

    kind: str
    name: str
    config: Config
    arrays: dict[str, Arrays]
    shapes: tuple[tuple[int, ...], ...]
    where: str

    def weights(self, place: str = "") -> Arrays:
        """The arrays at a place: scalars (bookkeeping of the training) are left out."""
        return [a for a in self.arrays.get(place, []) if a.ndim]

    def formats(self, place: str, config: Config | None = None) -> Formats | None:
        """The quantizer "iq", "kq", ...; None where the layer has none."""
        told = config or self.config.get(f"{place}_conf")
        stored = self.arrays.get(f"{place}/quantizer" if place else "quantizer")
        if told is None or (place in ("iq", "oq") and not self.config.get(f"enable_{place}", True)):
            return None
        if not stored:
            raise InvalidModel(f"its quantizer {place} is not stored", where=self.where, remedy="save it again")
        return read_formats(told.get("config", told), stored, self.where)

    def quantized(self, place: str, values: NDArray[Any]) -> NDArray[np.float32]:
        """Weights through the quantizer at `place`."""
        formats = self.formats(place)
        return np.asarray(values, np.float32) if formats is None else formats(values)

    def activation(self, key: str = "activation") -> Any:
        """A Keras function by its name; None for linear."""
        told = self.config.get(key)
        name = told.get("config") if isinstance(told, dict) else told
        if name in (None, "linear"):
            return None
        if not isinstance(name, str):
            raise Unsupported(f"{key}={told!r}", where=self.where, remedy="use an activation of Keras, by its name")
        return keras.activations.get(name)

    def settings(self, *names: str) -> Config:
        """These settings, for the Keras layer that takes them."""
        return {name: self.config[name] for name in names if name in self.config}


def stored_arrays(group: Any) -> dict[str, Arrays]:
    """All arrays below an HDF5 group, in order, by the place that holds them."""
    found: dict[str, Arrays] = {}

    def visit(path: str, item: Any) -> None:
        if path.rpartition("/")[2] == "vars" or path == "vars":
            arrays = [np.asarray(item[key]) for key in sorted(item, key=int)]
            found[path.removesuffix("vars").rstrip("/")] = arrays

    group.visititems(visit)
    return found
