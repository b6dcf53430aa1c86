"""Keras's files: written in one step, so that they are there whole or not at all, and read safely."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bitwright.core.errors import BitwrightError, ConfigError, InvalidModel
from bitwright.core.files import write_atomic
from bitwright.train.door import keras

__all__ = ["load_model", "model_from_json", "save_weights"]


def save_weights(model: Any, filename: str | Path) -> Path:
    """Write the model's weights to `filename`: Keras 3's layout for ".weights.h5", Keras 2's for ".h5".

    Either is read by `model.load_weights(filename)`. Raises ConfigError for another ending.
    """
    path = Path(filename)
    if path.name.endswith(".weights.h5"):
        return _through_neighbor(path, ".weights.h5", model.save_weights)
    if path.suffix in (".h5", ".hdf5"):
        return _through_neighbor(path, path.suffix, lambda place: _old_layout(model, place))
    raise ConfigError(
        f"weights cannot be written to {path.name!r}",
        where=str(path),
        remedy=f"name it {path.name}.weights.h5",
    )


def load_model(path: str | Path, custom_objects: Mapping[str, Any] | None = None, compile: bool = False) -> Any:
    """The model in a `.keras` file, in Keras's safe mode: no code from the file is run.

    Raises InvalidModel, naming the file, when Keras cannot read it.
    """
    file = Path(path)
    if not file.exists():
        raise InvalidModel("no such file", where=str(file), remedy="give the path of a .keras, .h5 or .json file")
    return _read(
        lambda: keras.models.load_model(file, custom_objects=dict(custom_objects or {}), compile=compile), str(file)
    )


def model_from_json(text: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model, with fresh weights, that Keras 3's `to_json` described."""
    return _read(lambda: keras.models.model_from_json(text, custom_objects=dict(custom_objects or {})), "JSON")


def _read(load: Callable[[], Any], where: str) -> Any:
    # Importing it registers the layers that files name.
    import bitwright.train.layers  # noqa: F401  # pyright: ignore[reportUnusedImport]

    try:
        return load()
    except BitwrightError:
        raise
    except Exception as error:  # Keras raises whatever its archive code raises; all of it means "unreadable"
        raise InvalidModel(
            "Keras cannot read it",
            where=where,
            why=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy="name classes and functions of your own in custom_objects, and save without Lambda layers",
        ) from error


def _through_neighbor(path: Path, suffix: str, write: Callable[[str], Any]) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"model{suffix}"
        write(str(place))
        return write_atomic(path, place.read_bytes())


def _old_layout(model: Any, place: str) -> None:
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    with h5py.File(place, "w") as file:
        save_weights_to_hdf5_group(file, model)
