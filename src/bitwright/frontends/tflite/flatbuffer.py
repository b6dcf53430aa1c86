"""A flatbuffer as data: tables with numbered fields, vectors and strings, every read within the file.

Source: https://flatbuffers.dev/internals (binary format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Table", "root"]


@dataclass(frozen=True)
class Table:
    """A table at `place` of `data`; fields are asked for by their number in the schema.

    Raises ValueError for what lies beyond the file.
    """

    data: bytes
    place: int

    def _at(self, field: int) -> int | None:
        """Where the field's value stands; None where it has its default."""
        start = self.place - self._read("<i", self.place)
        size = self._read("<H", start)
        entry = 4 + 2 * field
        offset = self._read("<H", start + entry) if entry + 2 <= size else 0
        return self.place + offset if offset else None

    def _read(self, form: str, place: int) -> int:
        if not 0 <= place <= len(self.data) - struct.calcsize(form):
            raise ValueError(f"a value at {place} of {len(self.data)} bytes")
        return struct.unpack_from(form, self.data, place)[0]

    def number(self, field: int, form: str = "<i", default: Any = 0) -> Any:
        """A scalar field: `form` as in the struct module."""
        place = self._at(field)
        return default if place is None else self._read(form, place)

    def table(self, field: int) -> Table | None:
        """A field that is a table."""
        place = self._at(field)
        return None if place is None else Table(self.data, place + self._read("<I", place))

    def _vector(self, field: int) -> tuple[int, int]:
        """(first element, how many) of a vector field."""
        place = self._at(field)
        if place is None:
            return 0, 0
        start = place + self._read("<I", place)
        return start + 4, self._read("<I", start)

    def tables(self, field: int) -> list[Table]:
        """A field that is a vector of tables."""
        first, count = self._vector(field)
        if count > len(self.data) // 4:
            raise ValueError(f"a vector of {count} tables in {len(self.data)} bytes")
        places = range(first, first + 4 * count, 4)
        return [Table(self.data, p + self._read("<I", p)) for p in places]

    def array(self, field: int, kind: DTypeLike) -> NDArray[Any]:
        """A field that is a vector of numbers."""
        first, count = self._vector(field)
        dtype = np.dtype(kind)
        if first + count * dtype.itemsize > len(self.data):
            raise ValueError(f"a vector of {count} numbers in {len(self.data)} bytes")
        return np.frombuffer(self.data, dtype, count, first).copy()

    def text(self, field: int) -> str:
        """A string field."""
        return self.array(field, np.uint8).tobytes().decode("utf-8", "replace")


def root(data: bytes) -> Table:
    """The table that the file holds."""
    return Table(data, Table(data, 0)._read("<I", 0))  # pyright: ignore[reportPrivateUsage]
