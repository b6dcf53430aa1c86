"""Weights within `.keras` archives: Keras's own reader does it, once qkeras-v3's ways to store are made ours."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qkeras.network import Network

__all__ = ["is_store", "load_archive", "load_store"]

H5: Any = h5py
_LAYERS_THEN = "_layer_checkpoint_dependencies"
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_COUNTERS = {"iteration": -1, "step": -1}


def load_archive(network: Network, file: Path) -> None:
    """Give the model the weights in a `.keras` archive; raises InvalidModel where they do not fit."""
    with TemporaryDirectory(prefix="bitwright-") as scratch, zipfile.ZipFile(file) as archive:
        part = Path(scratch) / "model.weights.h5"
        with archive.open("model.weights.h5") as stored, part.open("wb") as copy:
            shutil.copyfileobj(stored, copy)
        _load(network, part, file)


def load_store(network: Network, file: Path) -> None:
    """The same from a `.weights.h5` alone, which `model.save_weights` of Keras 3 writes."""
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        part = Path(scratch) / "model.weights.h5"
        shutil.copyfile(file, part)
        _load(network, part, file)


def is_store(file: Path) -> bool:
    """Whether an HDF5 file keeps weights as Keras 3 does."""
    try:
        with H5.File(file, "r") as content:
            return "layer_names" not in content.attrs and ("layers" in content or _LAYERS_THEN in content)
    except OSError:
        return False


def _load(network: Network, part: Path, file: Path) -> None:
    try:
        with H5.File(part, "r+") as content:
            _renamed(content)
            _joined(content, network)
        network.model.load_weights(part)
    except Exception as error:  # Keras raises whatever its archive code raises
        raise InvalidModel(
            "its weights do not fit its layers",
            where=str(file),
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy="give the weights of this very model, or save it as .h5 with model.save('name.h5')",
        ) from error


def _renamed(content: Any) -> None:
    """Keras 2.12 to 2.15 kept the layers under another name."""
    if _LAYERS_THEN in content and "layers" not in content:
        content.move(_LAYERS_THEN, "layers")


def _joined(content: Any, network: Network) -> None:
    """Put what qkeras-v3 spreads over sublayers, or does not store, where our layers look for it."""
    layers = {layer.name: layer for layer in _layers(network)}
    for group in _stores(content):
        layer = layers.get(str(group["vars"].attrs.get("name", "")))
        names = [weight.name for weight in getattr(layer, "weights", [])]
        found = _named(group, names)
        if found is not None:
            for key in list(group["vars"]):
                del group["vars"][key]
            for index, name in enumerate(names):
                group["vars"][str(index)] = found[name]


def _layers(network: Network) -> Iterator[Any]:
    for nested in network.nested.values():
        yield from _layers(nested)
    yield from network.layers.values()


def _stores(content: Any) -> list[Any]:
    """All groups that hold the variables of a layer, and a folded layer's or an adaptive one's at that."""
    found: list[Any] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, H5.Group) and "vars" in item and ("batchnorm" in item or "adaptive" in name):
            found.append(item)

    content.visititems(visit)
    return found


def _named(group: Any, names: list[str]) -> dict[str, NDArray[Any]] | None:
    """The arrays of our weights by name, from the group of a foreign layer; None for what needs no change."""
    own = [np.asarray(group["vars"][key]) for key in sorted(group["vars"], key=_numbers_first)]
    found: dict[str, NDArray[Any]] = {}
    if "batchnorm" in group:
        norm = group["batchnorm"]["vars"]
        inner = [np.asarray(norm[key]) for key in sorted(norm, key=_numbers_first)]
        kernels = [name for name in names if name not in (*_NORM, *_COUNTERS)]
        found.update(zip([name for name in _NORM if name in names], inner, strict=True))
        found.update(zip(kernels, [a for a in own if a.ndim], strict=True))
    elif "ema_min" in names and len(own) == len(names) - 1:
        averages = [a for a in own if a.ndim]
        found.update(zip(("ema_min", "ema_max"), averages, strict=True))
        found["integer"] = np.zeros(averages[0].shape, np.int32)
    else:
        return None
    counter = next((a for a in own if not a.ndim), None)
    for name, start in _COUNTERS.items():
        found[name] = np.asarray(start if counter is None else counter, np.int32)
    return found


def _numbers_first(key: str) -> tuple[bool, int, str]:
    return (not key.isdigit(), int(key) if key.isdigit() else 0, key)
