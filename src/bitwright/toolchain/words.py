"""Between integer codes and the 32-bit words that a simulator reads: buses packed from the low end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.ports import word_count

__all__ = ["from_int", "pack", "to_int", "unpack"]

Words = NDArray[np.uint32]
Codes = NDArray[np.int64]


def pack(codes: Codes, widths: Sequence[int]) -> Words:
    """Rows of codes as rows of words: field 0 in the lowest bits, two's complement, no gaps.

    `codes` is int64 (rows, fields), `widths` has one width of 1 to 64 bits per field; the result is
    uint32 (rows, ceil(sum(widths) / 32)), little-endian. Bits of a code beyond its width must repeat
    its sign or be zero; a code that does not fit raises `InvalidValue`.

    >>> [hex(word) for word in pack(np.array([[-1, 3, 5]]), [4, 30, 8])[0]]
    ['0x3f', '0x14']
    """
    rows, fields = codes.shape
    if fields != len(widths):
        raise InvalidValue(f"{fields} codes a row for {len(widths)} fields", where="pack")
    # One row more than needed takes the (empty) carry of the last field; words are rows while we build.
    words = np.zeros((word_count(sum(widths)) + 2, rows), np.uint32)
    position = 0
    for field, width in enumerate(widths):
        bits = _masked(codes[:, field], width, field)
        index, shift = divmod(position, 32)
        words[index] |= (bits << np.uint64(shift)).astype(np.uint32)
        if shift + width > 32:
            high = bits >> np.uint64(32 - shift)
            words[index + 1] |= high.astype(np.uint32)
            words[index + 2] |= (high >> np.uint64(32)).astype(np.uint32)
        position += width
    return np.ascontiguousarray(words[:-2].T)


def unpack(words: Words, widths: Sequence[int], signed: bool | Sequence[bool]) -> Codes:
    """The inverse of `pack`: int64 (rows, fields); `signed` holds for all fields or per field.

    An unsigned field may have 63 bits at most.
    """
    flags = [signed] * len(widths) if isinstance(signed, bool) else list(signed)
    columns = np.zeros((words.shape[1] + 2, len(words)), np.uint64)
    columns[:-2] = words.T
    codes = np.empty((len(widths), len(words)), np.int64)
    position = 0
    for field, (width, minus) in enumerate(zip(widths, flags, strict=True)):
        _check_width(width, 64 if minus else 63, field)
        index, shift = divmod(position, 32)
        bits = (columns[index] | columns[index + 1] << np.uint64(32)) >> np.uint64(shift)
        if shift + width > 64:
            bits |= columns[index + 2] << np.uint64(64 - shift)
        spare = np.uint64(64 - width)
        left = bits << spare
        codes[field] = left.view(np.int64) >> np.int64(spare) if minus else (left >> spare).view(np.int64)
        position += width
    return np.ascontiguousarray(codes.T)


def _masked(column: Codes, width: int, field: int) -> NDArray[np.uint64]:
    _check_width(width, 64, field)
    low, high = -(1 << (width - 1)), min((1 << width) - 1, (1 << 63) - 1)
    if column.size and (column.min() < low or column.max() > high):
        raise InvalidValue(f"a code does not fit into {width} bits", where=f"field {field}")
    return column.astype(np.uint64) & np.uint64((1 << width) - 1)


def _check_width(width: int, most: int, field: int) -> None:
    if not 1 <= width <= most:
        raise InvalidValue(f"width {width} is not within 1..{most}", where=f"field {field}")


def from_int(value: int, width: int) -> Words:
    """One bus value as a row of words.

    >>> from_int(1 << 32, 40).tolist()
    [0, 1]
    """
    if not 0 <= value < 1 << width:
        raise InvalidValue(f"{value} does not fit into {width} unsigned bits", where="bus")
    return np.frombuffer(value.to_bytes(word_count(width) * 4, "little"), "<u4").astype(np.uint32)


def to_int(words: Words) -> int:
    """A row of words as one unsigned integer.

    >>> to_int(np.array([0, 1], np.uint32)) == 1 << 32
    True
    """
    return int.from_bytes(words.astype("<u4").tobytes(), "little")
