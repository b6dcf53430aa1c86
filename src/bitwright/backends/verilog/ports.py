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
from bitwright.core.naming import Namer
from bitwright.ir.netlist.netlist import Netlist, Port
from bitwright.ir.netlist.ops import Word
from bitwright.numeric import IntArray, Steps, is_dyadic

__all__ = ["OWN_NAMES", "PortBits", "pack", "pack_tight", "port_bits", "runs", "unpack", "word_slices"]

BusWords = NDArray[np.uint32]
Direction = Literal["input", "output"]
_CACHED = 1 << 16
OWN_NAMES = ("aclk", "aresetn", "in_valid", "out_valid", "unused")
"""Names in the generated modules that no port or word may have (`clk`, `ce` and `rst` are reserved words)."""


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
    """The buses of `netlist`, inputs first; a name that is taken gets a number."""
    fresh = Namer()
    for name in OWN_NAMES:
        fresh(name)

    def bits(port: Port, direction: Direction) -> PortBits:
        elements = tuple(netlist.nodes[word].type for word in port.words)
        return PortBits(fresh(port.name), direction, port.shape, elements, port.step)

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
    return codes.reshape(rows, -1).astype(np.int64, order="C", copy=False)


@dataclass(frozen=True, slots=True)
class _Fields:
    """The elements of several ports side by side: ranges, and where their bits lie; one entry per element.

    A field is read and written through the 64-bit window at the 32-bit word in which it begins; `long`
    are the fields that reach beyond it, `first` the first field of every word that begins one.
    """

    names: tuple[str, ...]
    low: IntArray
    high: IntArray
    word: IntArray
    shift: NDArray[np.uint64]
    mask: NDArray[np.uint64]
    sign: NDArray[np.uint64]
    long: IntArray
    first: IntArray

    def rows(self) -> int:
        """How many rows to work on at once so that they stay in the cache."""
        return max(_CACHED // len(self.names), 64)


@lru_cache(maxsize=64)
def _fields(ports: tuple[PortBits, ...]) -> _Fields:
    words = [word for port in ports for word in port.elements]
    width = np.array([word.width for word in words], dtype=np.int64)
    place = np.cumsum(width) - width
    sign = [(1 << (word.width - 1)) * word.signed for word in words]
    return _Fields(
        names=tuple(f"port '{p.name}', element {i}" for p in ports for i in range(len(p.elements))),
        low=np.array([word.low for word in words], dtype=np.int64),
        high=np.array([word.high for word in words], dtype=np.int64),
        word=place >> 5,
        shift=(place & 31).astype(np.uint64),
        mask=(np.uint64(1) << width.astype(np.uint64)) - np.uint64(1),
        sign=np.array(sign, dtype=np.uint64),
        long=np.flatnonzero((place & 31) + width > 64),
        first=np.flatnonzero(np.diff(place >> 5, prepend=-1)),
    )


def _pack(codes: IntArray, ports: Sequence[PortBits], out: BusWords) -> None:
    fields = _fields(tuple(ports))
    rows = fields.rows()
    for start in range(0, len(codes), rows):
        part = codes[start : start + rows]
        _check_range(part, fields)
        out[start : start + rows] = _packed(part, fields, out.shape[1])


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
    """The rows' words: fields that begin in the same word add up in its window, then windows overlap."""
    bits = codes.view(np.uint64) & fields.mask
    windows = np.zeros((len(codes), words + 2), np.uint64)
    windows[:, fields.word[fields.first]] = np.add.reduceat(bits << fields.shift, fields.first, axis=1)
    for field in fields.long:
        windows[:, fields.word[field] + 2] |= bits[:, field] >> (np.uint64(64) - fields.shift[field])
    low = windows[:, :words].astype(np.uint32)
    low[:, 1:] |= (windows[:, : words - 1] >> np.uint64(32)).astype(np.uint32)
    return low


def _unpack(words: BusWords, port: PortBits) -> IntArray:
    fields = _fields((port,))
    rows = fields.rows()
    out = np.empty((len(words), len(fields.names)), np.int64)
    for start in range(0, len(words), rows):
        out[start : start + rows] = _unpacked(words[start : start + rows], fields)
    return out.reshape(len(words), *port.shape)


def _unpacked(words: BusWords, fields: _Fields) -> IntArray:
    """The rows' codes; a sign bit is moved to the top by (bits ^ sign) - sign."""
    columns = np.zeros((len(words), words.shape[1] + 2), np.uint64)
    columns[:, :-2] = words
    windows = columns[:, :-1] | columns[:, 1:] << np.uint64(32)
    bits = np.take(windows, fields.word, axis=1)
    bits >>= fields.shift
    for field in fields.long:
        bits[:, field] |= columns[:, fields.word[field] + 2] << (np.uint64(64) - fields.shift[field])
    bits &= fields.mask
    bits ^= fields.sign
    bits -= fields.sign
    return bits.view(np.int64)


def runs(port: PortBits) -> Iterator[tuple[int, int]]:
    """First and last element of each run of equal format and range."""
    kinds = list(zip(port.formats, port.elements, strict=True))
    first = 0
    for place in range(1, len(kinds) + 1):
        if place == len(kinds) or kinds[place] != kinds[first]:
            yield first, place - 1
            first = place
