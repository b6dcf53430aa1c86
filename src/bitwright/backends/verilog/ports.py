"""The buses at a design's edge: which bits hold which element, and numpy to and from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.core.naming import identifier
from bitwright.ir.netlist.netlist import Netlist, Port
from bitwright.ir.netlist.ops import Word
from bitwright.numeric import IntArray, Steps, is_dyadic

__all__ = ["PortBits", "pack", "pack_tight", "port_bits", "runs", "unpack", "word_slices"]

BusWords = NDArray[np.uint32]
Direction = Literal["input", "output"]
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class PortBits:
    """A bus: element i (C order of `shape`) takes `widths[i]` bits from bit `offsets[i]` up.

    Element 0 lies in the lowest bits and nothing lies between elements; codes are two's complement
    where the element is signed and plain binary else. The value of a code is code x step.
    """

    name: str
    direction: Direction
    shape: tuple[int, ...]
    elements: tuple[Word, ...]
    step: Steps

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each element."""
        return tuple(word.width for word in self.elements)

    @property
    def signed(self) -> tuple[bool, ...]:
        """Whether each element carries a sign."""
        return tuple(word.signed for word in self.elements)

    @property
    def offsets(self) -> tuple[int, ...]:
        """The lowest bit of each element."""
        return tuple(np.cumsum((0, *self.widths))[:-1].tolist())

    @property
    def bits(self) -> int:
        """Bits of the bus."""
        return sum(self.widths)

    @property
    def words(self) -> int:
        """32-bit words of the bus."""
        return -(-self.bits // 32)

    @property
    def steps(self) -> list[Fraction]:
        """The step of each element."""
        return np.broadcast_to(self.step.array, self.shape).ravel().tolist()

    @property
    def formats(self) -> list[str]:
        """Each element's format: `s8.3`, or `s8 x 1/255` where the step is no power of two."""
        return [_format(word, step) for word, step in zip(self.elements, self.steps, strict=True)]


def _format(word: Word, step: Fraction) -> str:
    head = f"{'s' if word.signed else 'u'}{word.width}"
    if is_dyadic(step) and (step.numerator & (step.numerator - 1)) == 0:
        return f"{head}.{step.denominator.bit_length() - step.numerator.bit_length()}"
    return f"{head} x {step}"


def port_bits(netlist: Netlist) -> tuple[PortBits, ...]:
    """The buses of `netlist`, inputs first."""

    def bits(port: Port, direction: Direction) -> PortBits:
        elements = tuple(netlist.nodes[word].type for word in port.words)
        return PortBits(identifier(port.name), direction, port.shape, elements, port.step)

    return (*(bits(p, "input") for p in netlist.inputs), *(bits(p, "output") for p in netlist.results))


def word_slices(ports: Sequence[PortBits]) -> list[slice]:
    """The columns of a packed row that hold each port: every port starts with a new 32-bit word."""
    ends = np.cumsum([port.words for port in ports]).tolist()
    return [slice(end - port.words, end) for port, end in zip(ports, ends, strict=True)]


def pack(arrays: Sequence[IntArray], ports: Sequence[PortBits]) -> BusWords:
    """Codes as bus words: uint32 (n, words) from one int64 (n, *shape) per port.

    Words are little-endian, unused top bits zero; `word_slices` tells the columns of each port. A code
    outside its element's range raises `InvalidValue` with port and element.
    """
    if len(arrays) != len(ports):
        raise InvalidValue(f"{len(arrays)} arrays for {len(ports)} ports", where="pack")
    rows = len(arrays[0]) if arrays else 0
    out = np.zeros((rows, sum(p.words for p in ports)), np.uint32)
    for array, port, columns in zip(arrays, ports, word_slices(ports), strict=True):
        _pack(_flat(array, port, rows), [port], out[:, columns])
    return out


def pack_tight(arrays: Sequence[IntArray], ports: Sequence[PortBits]) -> BusWords:
    """Like `pack`, with the ports' bits following each other without a gap."""
    rows = len(arrays[0]) if arrays else 0
    flat = [_flat(a, p, rows) for a, p in zip(arrays, ports, strict=True)]
    out = np.zeros((rows, -(-sum(p.bits for p in ports) // 32)), np.uint32)
    _pack(np.concatenate(flat, axis=1) if len(flat) > 1 else flat[0], ports, out)
    return out


def unpack(words: BusWords, ports: Sequence[PortBits]) -> list[IntArray]:
    """The inverse of `pack`: int64 (n, *shape) per port; bits above a bus are ignored."""
    wanted = sum(p.words for p in ports)
    if words.ndim != 2 or words.shape[1] != wanted:
        raise InvalidValue(f"shape {words.shape} is not (n, {wanted})", where="unpack")
    slices = word_slices(ports)
    return [_unpack(words[:, columns], port) for port, columns in zip(ports, slices, strict=True)]


def _flat(array: IntArray, port: PortBits, rows: int) -> IntArray:
    codes = np.asarray(array)
    if codes.dtype.kind not in "iu" or codes.shape != (rows, *port.shape):
        raise InvalidValue(
            f"{codes.dtype}{list(codes.shape)} is not int64{[rows, *port.shape]}", where=f"port '{port.name}'"
        )
    return codes.reshape(rows, -1).astype(np.int64, copy=False)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The elements of several ports in a row: ranges as arrays, places as (word, shift, width, signed)."""

    low: IntArray
    high: IntArray
    names: tuple[str, ...]
    places: tuple[tuple[int, int, int, bool], ...]


@lru_cache(maxsize=64)
def _fields(ports: tuple[PortBits, ...]) -> _Fields:
    words = [word for port in ports for word in port.elements]
    places: list[tuple[int, int, int, bool]] = []
    offset = 0
    for word in words:
        width = word.width
        places.append((offset >> 5, offset & 31, width, word.signed))
        offset += width
    names = tuple(f"port '{p.name}', element {i}" for p in ports for i in range(len(p.elements)))
    low, high = (np.array([getattr(w, end) for w in words], dtype=np.int64) for end in ("low", "high"))
    return _Fields(low, high, names, tuple(places))


def _pack(codes: IntArray, ports: Sequence[PortBits], out: BusWords) -> None:
    fields = _fields(tuple(ports))
    for start in range(0, len(codes), _ROWS):
        part = codes[start : start + _ROWS]
        _check_range(part, fields)
        out[start : start + _ROWS] = _packed(part, fields, out.shape[1])


def _check_range(codes: IntArray, fields: _Fields) -> None:
    wrong = (codes < fields.low) | (codes > fields.high)
    if wrong.any():
        row, element = (int(i) for i in np.argwhere(wrong)[0])
        raise InvalidValue(
            f"code {codes[row, element]} is not within {fields.low[element]}..{fields.high[element]}",
            where=f"{fields.names[element]}, row {row}",
            remedy="saturate the codes to the port's range",
        )


def _packed(codes: IntArray, fields: _Fields, words: int) -> BusWords:
    """The rows' words; sums of 64-bit windows at every 32-bit word, folded at the end."""
    columns = np.ascontiguousarray(codes.T).view(np.uint64)
    windows = np.zeros((words + 2, codes.shape[0]), np.uint64)
    for (word, shift, width, _), column in zip(fields.places, columns, strict=True):
        bits = column & np.uint64((1 << width) - 1)
        windows[word] |= bits << np.uint64(shift)
        if shift + width > 64:
            windows[word + 2] |= bits >> np.uint64(64 - shift)
    low = windows[:words].astype(np.uint32)
    low[1:] |= (windows[: words - 1] >> np.uint64(32)).astype(np.uint32)
    return low.T


def _unpack(words: BusWords, port: PortBits) -> IntArray:
    places = _fields((port,)).places
    out = np.empty((len(words), len(places)), np.int64)
    for start in range(0, len(words), _ROWS):
        out[start : start + _ROWS] = _unpacked(words[start : start + _ROWS], places)
    return out.reshape(len(words), *port.shape)


def _unpacked(words: BusWords, places: tuple[tuple[int, int, int, bool], ...]) -> IntArray:
    rows = np.zeros((words.shape[1] + 2, len(words)), np.uint64)
    rows[:-2] = words.T
    windows = rows[:-1] | rows[1:] << np.uint64(32)
    out = np.empty((len(places), len(words)), np.int64)
    for (word, shift, width, signed), column in zip(places, out, strict=True):
        bits = windows[word] >> np.uint64(shift)
        if shift + width > 64:
            bits |= rows[word + 2] << np.uint64(64 - shift)
        left = bits << np.uint64(64 - width)
        column[:] = left.view(np.int64) >> np.int64(64 - width) if signed else left >> np.uint64(64 - width)
    return out.T


def runs(port: PortBits) -> Iterator[tuple[int, int]]:
    """First and last element of each run of equal format and range."""
    kinds = list(zip(port.formats, port.elements, strict=True))
    first = 0
    for place in range(1, len(kinds) + 1):
        if place == len(kinds) or kinds[place] != kinds[first]:
            yield first, place - 1
            first = place
