"""`read_hgq`: an archive of HGQ2 as a Keras 3 model of our layers."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel
from bitwright.frontends.hgq.layers import make
from bitwright.frontends.hgq.part import Part, stored_arrays
from bitwright.frontends.qkeras import Context, Network, conversions, make_layer, make_model, plain, read_keras

__all__ = ["explained_layers", "is_hgq", "read_hgq"]

H5: Any = h5py
Config = dict[str, Any]


def is_hgq(path: str | Path) -> bool:
    """Whether a `.keras` archive holds layers of HGQ2."""
    file = Path(path)
    if file.suffix.lower() != ".keras":
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            return b'"hgq.' in archive.read("config.json")
    except (OSError, KeyError, zipfile.BadZipFile):
        return False  # Keras's own reader says what is wrong with it


def read_hgq(path: str | Path) -> Any:
    """The Keras 3 model in a `.keras` file of HGQ2 or HGQ-LUT, with its weights quantized and its tables computed.

    Nothing in the file is executed. Raises InvalidModel or Unsupported naming file and layer.
    """
    config, context, arrays = _opened(Path(path))
    network = make_model(config, context, _maker(arrays))
    _fill(network, arrays, context)
    return network.model


def explained_layers(path: str | Path) -> list[tuple[str, str, str, Any]]:
    """(name, class in the file, class here, what stands in the way or None) of each layer of such an archive."""
    config, context, arrays = _opened(Path(path))
    return list(conversions(config, context, _maker(arrays)))


def _opened(file: Path) -> tuple[Config, Context, dict[str, dict[str, list[NDArray[Any]]]]]:
    """(configuration, context, arrays by layer) of an archive."""
    stored = read_keras(file)
    try:
        with zipfile.ZipFile(file) as archive, H5.File(BytesIO(archive.read("model.weights.h5")), "r") as content:
            arrays = _by_layer(content)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidModel(
            "its weights cannot be read", where=str(file), why=str(error), remedy="save it again"
        ) from error
    return plain(stored.config), Context(3, str(file)), arrays


def _maker(arrays: dict[str, dict[str, list[NDArray[Any]]]]) -> Callable[[Config, Context], Any]:
    """What makes a layer of its configuration: those of HGQ2 from their arrays, Keras's own as ever."""

    def layer(item: Config, context: Context) -> Any:
        if not str(item.get("module", "")).startswith("hgq."):
            return make_layer(item, context)
        return make(_part(item, arrays, context))

    return layer


def _by_layer(content: Any) -> dict[str, dict[str, list[NDArray[Any]]]]:
    """Arrays by place of each layer; a group tells the layer's name."""
    root = content["layers"]
    return {str(root[key]["vars"].attrs.get("name", key)): stored_arrays(root[key]) for key in root}


def _part(item: Config, arrays: dict[str, dict[str, list[NDArray[Any]]]], context: Context) -> Part:
    config = item["config"]
    name = str(config.get("name", item.get("name")))
    where = context.at(name)
    told = (item.get("build_config") or {}).get("input_shape")
    if not told or name not in arrays:
        raise InvalidModel("it was saved before it was built", where=where, remedy="call it once and save it again")
    shapes = told if isinstance(told[0], list) else [told]
    if any(n is None for shape in shapes for n in shape[1:]):
        raise InvalidModel(f"its input's shape {told} is open", where=where, remedy="give keras.Input a fixed shape")
    inputs = tuple(tuple(int(n) for n in shape[1:]) for shape in shapes)
    return Part(str(item["class_name"]), name, config, arrays[name], inputs, where)


def _fill(network: Network, arrays: dict[str, dict[str, list[NDArray[Any]]]], context: Context) -> None:
    """Give Keras's own layers their weights."""
    for name, layer in network.layers.items():
        if not getattr(layer, "weights", None):
            continue
        stored = [np.asarray(a) for a in arrays.get(name, {}).get("", [])]
        if [a.shape for a in stored] != [tuple(w.shape) for w in layer.weights]:
            raise InvalidModel("its weights do not fit", where=context.at(name), remedy="save it again")
        layer.set_weights(stored)
