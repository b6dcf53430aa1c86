"""Input arrays from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue

__all__ = ["read_inputs"]


def read_inputs(path: Path) -> NDArray[Any]:
    """The array in an .npy file, or `x` / `x_test` of an .npz file, as float32; pickles are refused."""
    try:
        found = np.load(path, allow_pickle=False)
        if not isinstance(found, np.lib.npyio.NpzFile):
            return np.asarray(found, dtype=np.float32)
        with found:
            names = [n for n in ("x", "x_test") if n in found.files]
            if names:
                return np.asarray(found[names[0]], dtype=np.float32)
            there = found.files
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise InvalidValue(
            "no numpy array", where=str(path), why=str(error), remedy="save inputs with numpy.save"
        ) from error
    raise InvalidValue(f"holds {there}", where=str(path), remedy="name the array x or x_test")
