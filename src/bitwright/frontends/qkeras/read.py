"""`read_qkeras`: an old model file, or a pair of them, as a Keras 3 model of our layers."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.frontends.qkeras.archive import is_store, load_archive, load_store
from bitwright.frontends.qkeras.files import Stored, parse_json, read_h5, read_json, read_keras, read_weights
from bitwright.frontends.qkeras.network import Network, conversions, make_model
from bitwright.frontends.qkeras.objects import Context, plain
from bitwright.frontends.qkeras.weights import load_groups
from bitwright.train.calibrate import settle_ranges

__all__ = ["SUFFIXES", "explained_layers", "is_foreign", "model_from_json", "read_qkeras"]

_READERS = {".json": read_json, ".h5": read_h5, ".hdf5": read_h5, ".keras": read_keras}
SUFFIXES = tuple(_READERS)
"""The endings of files that `read_qkeras` takes."""


def read_qkeras(
    path: str | Path, weights: str | Path | None = None, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """The Keras 3 model in a file of QKeras or Keras 2: `.h5`, `.json` with an `.h5` of weights, or `.keras`.

    weights: an `.h5` of weights that replaces those of `path`; a `.json` without it takes its neighbor
    `<stem>_weights.h5`, `<stem>.weights.h5` or `<stem>.h5`, if there is one. custom_objects: classes and
    functions of your own, by the names in the file. The model has no optimizer: compile it to train on.

    What a name meant then, it means here: "hard_sigmoid" of Keras 2 is clip(0.2 x + 0.5). Nothing in the
    file is executed. Raises InvalidModel or Unsupported naming file and layer.
    """
    file = _existing(path)
    stored = _READERS[file.suffix.lower()](file)
    _refuse_hgq(stored, file)
    context = Context(stored.era, str(file), custom_objects or {})
    network = _network(stored, context)
    _load(network, stored, file, weights)
    settle_ranges(network.model)
    return network.model


def explained_layers(path: str | Path) -> list[tuple[str, str, str, Any]]:
    """(name, class in the file, class here, what stands in the way or None) of each layer of an old file."""
    file = _existing(path)
    stored = _READERS[file.suffix.lower()](file)
    _refuse_hgq(stored, file)
    return list(conversions(plain(stored.config), Context(stored.era, str(file))))


def model_from_json(text: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model, with fresh weights, that `model.to_json()` of QKeras or Keras 2 described."""
    stored = parse_json(text, "the JSON text")
    return _network(stored, Context(stored.era, "the JSON text", custom_objects or {})).model


def _network(stored: Stored, context: Context) -> Network:
    try:
        return make_model(plain(stored.config), context)
    except BitwrightError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InvalidModel(
            "its configuration does not hang together",
            where=context.where,
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy="save the model again",
        ) from error


def is_foreign(path: str | Path) -> bool:
    """Whether a file needs `read_qkeras`: everything but an archive of Keras 3 without classes of qkeras or hgq."""
    file = Path(path)
    if file.suffix.lower() != ".keras":
        return file.suffix.lower() in _READERS
    try:
        with zipfile.ZipFile(file) as archive:
            told = json.loads(archive.read("config.json"))
            meta = json.loads(archive.read("metadata.json"))
        return str(meta.get("keras_version", "3")).startswith("2.") or bool({"qkeras", "hgq"} & _packages(told))
    except (OSError, ValueError, KeyError, AttributeError, RecursionError, zipfile.BadZipFile):
        return False  # Keras's own reader says what is wrong with it


def _packages(told: Any) -> set[str]:
    """The packages of all classes in a Keras 3 configuration."""
    if isinstance(told, list):
        return {name for item in told for name in _packages(item)}
    if not isinstance(told, dict):
        return set()
    names = [str(told[key]) for key in ("module", "registered_name", "class_name") if told.get(key)]
    own = {name.replace(">", ".").partition(".")[0] for name in names}
    return own | {name for item in told.values() for name in _packages(item)}


def _refuse_hgq(stored: Stored, file: Path) -> None:
    if "hgq" in _packages(stored.config):
        raise Unsupported(
            "an HGQ2 model",
            where=str(file),
            why="its weights are read from a .keras archive",
            remedy="save it with model.save('name.keras') and give that to bw.load_model",
        )


def _existing(path: str | Path) -> Path:
    file = Path(path)
    if file.is_dir():
        raise Unsupported(
            "a folder (TensorFlow's SavedModel)", where=str(file), remedy="save it as .h5 with model.save('name.h5')"
        )
    if not file.exists():
        raise InvalidModel("no such file", where=str(file), remedy="give the path of a .keras, .h5 or .json file")
    if file.suffix.lower() not in _READERS:
        raise Unsupported(
            f"files ending in {file.suffix!r}", where=str(file), remedy=f"give one that ends in {', '.join(_READERS)}"
        )
    return file


def _load(network: Network, stored: Stored, file: Path, weights: str | Path | None) -> None:
    if weights is not None:
        source = _existing(weights)
    elif stored.weights is None:
        source = _neighbor(file)
    else:
        source = stored.weights
    if isinstance(source, list):
        load_groups(network, source, str(file))
    elif source.suffix.lower() == ".keras":
        load_archive(network, source)
    elif is_store(source):
        load_store(network, source)
    else:
        load_groups(network, read_weights(source), str(source))


def _neighbor(file: Path) -> Path:
    for name in (f"{file.stem}_weights.h5", f"{file.stem}.weights.h5", f"{file.stem}.h5"):
        if (file.parent / name).exists():
            return file.parent / name
    raise InvalidModel(
        "it holds no weights, and no file beside it does",
        where=str(file),
        remedy=f"name them: --weights {file.stem}_weights.h5 (weights= in Python)",
    )
