"""What stands in a model file: its configuration as plain data, and its weights as arrays by layer.

Nothing of a file is executed: JSON and HDF5 are data, and pickled or marshaled parts are never opened.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel

__all__ = ["Group", "Stored", "parse_json", "read_h5", "read_json", "read_keras", "read_weights"]

H5: Any = h5py
_LARGEST = 1 << 33
Arrays = list[tuple[str, NDArray[Any]]]


@dataclass(frozen=True)
class Group:
    """The weights of one top-level layer, in the order of the file: (name, array)."""

    layer: str
    arrays: Arrays


@dataclass(frozen=True)
class Stored:
    """A model file: {"class_name", "config"}, the major version of Keras that wrote it, and its weights.

    weights: by layer (HDF5 in Keras 2's layout), or the path of a Keras 3 archive, or None.
    """

    config: dict[str, Any]
    era: int
    weights: list[Group] | Path | None = None


def read_json(path: Path) -> Stored:
    """The configuration that `model.to_json()` wrote."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidModel(
            "no text", where=str(path), why=str(error), remedy="write it with model.to_json()"
        ) from error
    return parse_json(text, str(path))


def parse_json(text: str, where: str) -> Stored:
    """The same from the text itself; `where` names it in messages."""
    config = _model(text, where)
    return Stored(config, _era(config.get("keras_version")))


def read_h5(path: Path) -> Stored:
    """A whole model that `model.save("name.h5")` wrote."""
    with _opened(path) as file:
        told = file.attrs.get("model_config")
        if told is None:
            raise InvalidModel(
                "it holds weights alone",
                where=str(path),
                remedy="give the .json of the model, and this file with --weights (weights= in Python)",
            )
        era = _era(_text(file.attrs.get("keras_version", "2")))
        groups = _groups(file.get("model_weights", file), path)
        return Stored(_model(_text(told), str(path)), era, groups)


def read_weights(path: Path) -> list[Group]:
    """The weights that `model.save_weights("name.h5")` (or `save`) wrote with Keras 2."""
    with _opened(path) as file:
        return _groups(file.get("model_weights", file), path)


def read_keras(path: Path) -> Stored:
    """The configuration within a Keras 3 archive; the weights stay in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            told = archive.read("config.json").decode("utf-8")
            meta = json.loads(archive.read("metadata.json"))
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile) as error:
        raise InvalidModel(
            "no Keras archive", where=str(path), why=str(error), remedy="save it again with model.save('name.keras')"
        ) from error
    return Stored(_model(told, str(path)), _era(meta.get("keras_version")), path)


@contextmanager
def _opened(path: Path) -> Generator[Any]:
    try:
        file = H5.File(path, "r")
    except OSError as error:
        raise InvalidModel(
            "no HDF5 file", where=str(path), why=str(error), remedy="give an .h5 that Keras saved, or a .keras file"
        ) from error
    with file:
        yield file


def _groups(root: Any, path: Path) -> list[Group]:
    if "layer_names" not in root.attrs and "layer_names0" not in root.attrs:
        raise InvalidModel(
            "it does not say which layers it holds",
            where=str(path),
            remedy="save it with model.save('name.h5') or model.save_weights('name.h5') of Keras 2",
        )
    found: list[Group] = []
    for layer in _names(root, "layer_names"):
        if layer not in root:
            raise InvalidModel(f"the weights of layer '{layer}' are missing", where=str(path), remedy="save it again")
        names = _names(root[layer], "weight_names")
        found.append(Group(layer, [(name, _array(root[layer], name, path)) for name in names]))
    return found


def _array(group: Any, name: str, path: Path) -> NDArray[Any]:
    found = group.get(name)
    # A link or an external store could lead to other files: weights are always stored in place.
    if not isinstance(found, H5.Dataset) or found.file != group.file or found.external or found.is_virtual:
        raise InvalidModel(f"weight '{name}' is missing or lies outside", where=str(path), remedy="save it again")
    if found.size * found.dtype.itemsize > _LARGEST:
        raise InvalidModel(f"weight '{name}' claims {found.size} numbers", where=str(path), remedy="save it again")
    return np.asarray(found[()])


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names; Keras splits long ones over `<attribute>0`, `<attribute>1`, ..."""
    if attribute in group.attrs:
        return [_text(name) for name in np.atleast_1d(group.attrs[attribute])]
    found: list[str] = []
    index = 0
    while f"{attribute}{index}" in group.attrs:
        found += [_text(name) for name in np.atleast_1d(group.attrs[f"{attribute}{index}"])]
        index += 1
    return found


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _model(text: str, where: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidModel(
            "its configuration is no JSON", where=where, why=str(error), remedy="write it with model.to_json()"
        ) from error
    if not isinstance(told, dict) or not isinstance(told.get("config"), dict | list) or "class_name" not in told:
        raise InvalidModel("it describes no model", where=where, remedy="write it with model.to_json()")
    return told


def _era(version: Any) -> int:
    """2 for Keras 1 and 2 (tf.keras too), 3 for Keras 3."""
    text = str(version or "2")
    return 3 if text[:1].isdigit() and int(text.split(".")[0]) >= 3 else 2
