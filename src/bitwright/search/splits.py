"""Training, validation and test samples: what a search may see, and what it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.train.data import KNOWN, Dataset, digits, load

__all__ = ["Splits", "read_splits", "split"]

Arrays = tuple[NDArray[Any], NDArray[Any]]
_VALIDATION = 0.2


@dataclass(frozen=True)
class Splits:
    """(inputs, labels) of three kinds; the test samples are looked at once, at the end (None: there are none)."""

    train: Arrays
    validation: Arrays
    test: Arrays | None

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many samples each has."""
        return len(self.train[0]), len(self.validation[0]), 0 if self.test is None else len(self.test[0])


def split(data: Any, seed: int = 0) -> Splits:
    """`data` as splits: a Dataset, or two or three pairs (inputs, labels) for training, (validation,) test.

    Without validation samples a fifth of the training samples, drawn with `seed`, is kept for it.

    Raises InvalidValue for anything else, and for lengths that differ.
    """
    if isinstance(data, Splits):
        return data
    if isinstance(data, Dataset):
        return _divided((data.x_train, data.y_train), (data.x_test, data.y_test), seed)
    pairs = [_pair(part) for part in data] if isinstance(data, Sequence) else []
    if len(pairs) == 3:
        return Splits(pairs[0], pairs[1], pairs[2])
    if len(pairs) == 2:
        return _divided(pairs[0], pairs[1], seed)
    raise InvalidValue(
        "the data are not understood",
        where="search",
        remedy="give a Dataset, or ((x_train, y_train), (x_test, y_test)), or three such pairs with validation between",
    )


def read_splits(path: str | Path, seed: int = 0) -> Splits:
    """The splits in an .npz file with x_train, y_train, x_test, y_test and perhaps x_validation, y_validation.

    A folder or file that `train.data.load` knows (jets, MNIST) is scaled and flattened as it says there; the word
    "digits" stands for the data set that comes with scikit-learn.
    """
    if str(path) == "digits":
        return split(digits(), seed)
    place = Path(path)
    if place.is_dir() or place.name in KNOWN:
        return split(load(place), seed)
    try:
        with np.load(place, allow_pickle=False) as found:
            there = {name: found[name] for name in found.files}
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise InvalidValue("no .npz archive", where=str(path), why=str(error), remedy="use numpy.savez") from error
    kinds = [kind for kind in ("train", "validation", "test") if f"x_{kind}" in there]
    if "train" not in kinds or any(f"y_{kind}" not in there for kind in kinds):
        raise InvalidValue(
            f"holds {sorted(there)}", where=str(path), remedy="name the arrays x_train, y_train, x_test and y_test"
        )
    pairs = [(there[f"x_{kind}"], there[f"y_{kind}"]) for kind in kinds]
    if kinds == ["train"]:
        found_train = _pair(pairs[0])
        divided = _divided(found_train, found_train, seed)
        return Splits(divided.train, divided.validation, None)
    if kinds == ["train", "validation"]:
        return Splits(_pair(pairs[0]), _pair(pairs[1]), None)
    return split(pairs, seed)


def _pair(part: Any) -> Arrays:
    if not isinstance(part, tuple | list) or len(part) != 2:  # pyright: ignore[reportUnknownArgumentType]
        raise InvalidValue("a part of the data is no pair (inputs, labels)", where="search")
    x, y = (np.asarray(p) for p in part)  # pyright: ignore[reportUnknownVariableType]
    if len(x) != len(y) or not len(x):
        raise InvalidValue(f"{len(x)} inputs and {len(y)} labels", where="search", remedy="give one label per input")
    return x.astype(np.float32), y


def _divided(train: Arrays, test: Arrays, seed: int) -> Splits:
    order = np.random.default_rng(seed).permutation(len(train[0]))
    kept = max(int(_VALIDATION * len(order)), 1)
    held, rest = np.sort(order[:kept]), np.sort(order[kept:])
    x, y = train
    return Splits((x[rest], y[rest]), (x[held], y[held]), test)
