"""Real data sets as arrays ready to train on: digits from scikit-learn, jets and MNIST from files."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, InvalidValue, ToolMissing

__all__ = ["KNOWN", "Dataset", "digits", "load"]

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """Training and test samples: x (samples, *shape) float32, y (samples,) class numbers."""

    name: str
    x_train: Floats
    y_train: Labels
    x_test: Floats
    y_test: Labels
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(self.x_train.shape[1:])


def digits() -> Dataset:
    """1797 handwritten digits of 8x8 pixels (UCI, shipped with scikit-learn), every fifth one for testing.

    Pixels 0..16 are divided by 16: exactly representable with 4 fraction bits.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ToolMissing("scikit-learn is not installed", remedy="pip install 'bitwright[train]'") from error
    bunch: Any = load_digits()
    x = (np.asarray(bunch.data) / 16).astype(np.float32)
    y = np.asarray(bunch.target).astype(np.int64)
    test = np.arange(len(x)) % 5 == 4
    return Dataset("digits", x[~test], y[~test], x[test], y[test], tuple("0123456789"))


def load(path: str | Path) -> Dataset:
    """The data set in a folder (or file) that holds jets_hlf_pythia.npz or mnist.npz."""
    place = Path(path)
    for name, read in _READERS.items():
        file = place if place.name == name else place / name
        if file.is_file():
            return read(_arrays(file), file)
    raise InvalidValue(
        f"no {' or '.join(_READERS)} there", where=str(place), remedy="name the folder that holds one of them"
    )


def _arrays(file: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise InvalidModel("cannot be read", where=str(file), why=str(error), remedy="copy the file again") from error


def _wanted(arrays: dict[str, NDArray[Any]], file: Path, *names: str) -> list[NDArray[Any]]:
    missing = [n for n in names if n not in arrays]
    if missing:
        raise InvalidValue(f"lacks {', '.join(missing)}", where=str(file), remedy="use the file as it was published")
    return [arrays[n] for n in names]


def _jets(arrays: dict[str, NDArray[Any]], file: Path) -> Dataset:
    """16 features scaled by the training set's mean and deviation."""
    x_train, y_train, x_test, y_test = _wanted(arrays, file, "x_train", "y_train", "x_test", "y_test")
    mean, deviation = x_train.mean(axis=0, dtype=np.float64), x_train.std(axis=0, dtype=np.float64)
    scaled = [((x - mean) / deviation).astype(np.float32) for x in (x_train, x_test)]
    labels = [y.astype(np.int64) for y in (y_train, y_test)]
    names = [tuple(str(n) for n in arrays.get(key, ())) for key in ("class_names", "feature_names")]
    return Dataset("jets", scaled[0], labels[0], scaled[1], labels[1], names[0] or tuple("gqwzt"), names[1])


def _mnist(arrays: dict[str, NDArray[Any]], file: Path) -> Dataset:
    """28x28 images averaged over 2x2 pixels and divided by 256: 196 multiples of 1/1024 in [0, 1)."""
    x_train, y_train, x_test, y_test = _wanted(arrays, file, "x_train", "y_train", "x_test", "y_test")
    pooled = [
        (x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4), dtype=np.float32) / np.float32(256)).reshape(-1, 196)
        for x in (x_train, x_test)
    ]
    labels = [y.astype(np.int64) for y in (y_train, y_test)]
    return Dataset("mnist", pooled[0], labels[0], pooled[1], labels[1], tuple("0123456789"))


_READERS: dict[str, Callable[[dict[str, NDArray[Any]], Path], Dataset]] = {
    "jets_hlf_pythia.npz": _jets,
    "mnist.npz": _mnist,
}

KNOWN = frozenset(_READERS)
"""The files that `load` reads, by name."""
