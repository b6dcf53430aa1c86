"""The actors of the dataflow level: frozen fields, no behavior.

An actor takes words from its arguments and gives words to its result, frame after frame, by a static schedule
(`schedule.py`). Where it computes on a word it holds a netlist. Its `tail` is the last thing that happens to each
word of the result: a netlist with the port `x` (one element a lane; two-argument actors call theirs `a`, `b`)
and, where it differs from word to word, the port `phase`: the number of the word modulo the port's range. The
lanes of the result are the tail's outputs in order; without a tail words leave as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from bitwright.ir.netlist.netlist import Netlist
from bitwright.ir.program import Op
from bitwright.numeric import Ints

__all__ = [
    "Accumulate",
    "Actor",
    "Apply",
    "Cell",
    "Convert",
    "Digits",
    "Inner",
    "Interleave",
    "Loop",
    "MatVec",
    "Memory",
    "Rearrange",
    "Recur",
    "Reduce",
    "Reduction",
    "Search",
    "Source",
    "Window",
]


class Memory(Enum):
    """What a memory is made of."""

    LUT = "lut"
    BLOCK = "block"
    ULTRA = "ultra"


class Reduction(Enum):
    """How `Reduce` combines."""

    SUM = "sum"
    MAX = "max"


class Actor(Op):
    """Base of the actors."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Source(Actor):
    """A stream from outside."""


@dataclass(frozen=True, slots=True)
class Apply(Actor):
    """`tail` of each word, or of a word of each of two arguments with equally many words (ports `a` and `b`).

    A layer whose whole input is one word is unrolled here: its constants dissolve in the netlist.
    """

    tail: Netlist


@dataclass(frozen=True, slots=True)
class Convert(Actor):
    """The same elements in words of another number of lanes (the result's)."""


@dataclass(frozen=True, slots=True)
class Digits(Actor):
    """Each word as `count` words, digit by digit of `bits` bits, the highest first.

    The digits are those of x + `added`, which is zero where no lane is signed and else 2**(width - 1) with the width
    that holds every lane: numbers from zero up. A layer that takes digits in turn computes on narrow words.
    """

    count: int
    bits: int
    added: int = 0


@dataclass(frozen=True, slots=True)
class Accumulate(Actor):
    """Of every `count` words in a row one: total = start + kernel(word), then (total << shift) + kernel(next word).

    `kernel` (port `x`) makes the lanes of the totals, which stay within [low, high] at every step (`start`, `low`,
    `high`: one number, or one a lane); the tail makes the result's word of the last total. With digits highest first,
    and `shift` bits each, a linear kernel's totals are what it makes of the numbers: the same adder graph, several
    times in turn.
    """

    count: int
    shift: int
    kernel: Netlist
    start: Ints
    low: Ints
    high: Ints
    tail: Netlist | None = None


@dataclass(frozen=True, slots=True)
class Window(Actor):
    """For each place of a kernel all it covers as one word, by lines of shift registers.

    The argument has shape (rows, columns, channels), `channels` a multiple of its lanes: with g = channels / lanes
    groups the result's words are (out row, out column, group), each (kernel row, kernel column, lane) in C order
    before the tail. `pads` are (before, after) per axis and hold the code `fill`.
    """

    grid: tuple[int, int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    pads: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    fill: int = 0
    tail: Netlist | None = None
    memory: Memory = Memory.LUT


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop of a `Rearrange`: `extent` rounds, each moving by so many rows, columns and words of a pixel."""

    extent: int
    row: int = 0
    column: int = 0
    word: int = 0


@dataclass(frozen=True, slots=True)
class Rearrange(Actor):
    """Words of a frame in another order, some several times, some never, `fill` where it leaves the grid.

    The argument's words are (rows, columns, words of a pixel) = `grid` in C order. The result's words are those
    that the nested `loops` (outermost first) walk over: row = start row + the sum of index * loop.row, and so on.
    Sliding windows, transposition, upsampling, padding and slicing are all of this kind. Words wait in a memory of
    `depth` words (0: as many as it takes), each until the place that the first `release` loops point to has passed it.
    """

    grid: tuple[int, int, int]
    loops: tuple[Loop, ...]
    start: tuple[int, int, int] = (0, 0, 0)
    release: int = 0
    fill: int = 0
    depth: int = 0
    tail: Netlist | None = None
    memory: Memory = Memory.LUT


@dataclass(frozen=True, slots=True)
class MatVec(Actor):
    """Products of vectors with constant matrices, `lanes` inputs times `units` outputs at a time.

    weights (groups, inputs, outputs): codes as stored; vector v meets matrix v % groups. The argument's lanes divide
    `inputs`, `units` divides `outputs`. For each vector, each block of `units` outputs and each word of the vector
    (the innermost) `dot` (ports `x` and `w`, one element a lane; one output) is evaluated once a unit; its values
    are added up over the vector's words into `total`, and the tail makes the result's word of them.
    The vector waits in a memory of its own for the blocks after the first. Of each word of weights the `spilled`
    highest bits are in lookup tables, where the rest is in other memory.

    `stored` (low, high): the memory can be written while the hardware runs, with any codes in that range, and `low`
    and `high` hold for all of them. `constants` (words, numbers) then are what the tail's port `c` meets, word n of
    the result number n modulo the words; they can be written too.

    `joint`: hardware takes it in the place of `dot`. It is evaluated once for as many units as it has outputs (port `w`
    has their weights unit by unit) and gives what `dot` gives for each; that many divide `units`.
    """

    weights: Ints
    units: int
    dot: Netlist
    low: int
    high: int
    tail: Netlist | None = None
    memory: Memory = Memory.LUT
    spilled: int = 0
    stored: tuple[int, int] | None = None
    constants: Ints | None = None
    joint: Netlist | None = None


@dataclass(frozen=True, slots=True)
class Reduce(Actor):
    """The sum or maximum over the first axis of (count, rest): word i of the rest of all `count` blocks combined."""

    count: int
    reduction: Reduction
    tail: Netlist | None = None


@dataclass(frozen=True, slots=True)
class Cell(Actor):
    """A recurrent layer whose sums are folded: rounds of `rows` rows, each with what goes back from the row before.

    A row's vector is its own words and then one word of `back` elements from each block of the row before, all with as
    many lanes as the widest of both (zeros above); weights (1, inputs, outputs) as a `MatVec`'s, `units` outputs a
    block, summed by `dot` into totals within [low, high]. Of each block's totals (port `x`), the words that it keeps
    from row to row (port `state`) and its number (port `phase`, if there is one) `step` makes the lanes of the result
    before the tail, then `back` elements, then the next state. The first row finds `initial` behind every block: `back`
    elements and a state. With `last` only the last row of a round gives words of the result.
    """

    rows: int
    weights: Ints
    units: int
    dot: Netlist
    low: int
    high: int
    step: Netlist
    back: int
    initial: Ints
    last: bool = False
    tail: Netlist | None = None
    memory: Memory = Memory.LUT


@dataclass(frozen=True, slots=True)
class Inner(Actor):
    """Inner products of two streams: the products of `count` words of each, summed, `units` at a time.

    The second argument's words have `units` elements for each lane of the first's, in the order (lane, unit). For each
    unit `dot` (ports `x` and `w`, one element a lane; one output) is evaluated; its values over `count` words add up to
    a total within [low, high], and the tail makes the result's word of the totals.
    """

    count: int
    units: int
    dot: Netlist
    low: int
    high: int
    tail: Netlist | None = None


@dataclass(frozen=True, slots=True)
class Recur(Actor):
    """Each word meets the state that the word before it left; every round of `count` words begins with `initial`.

    `step` has the ports `x` (one element a lane) and `state` (as many words as `initial`), and gives `y`, the lanes of
    the result before the tail, and then the next state. With `last` only the last word of a round makes one of the
    result. A word is taken once the state that it meets is there: every `latency_cycles(step) + 1` cycles.
    """

    count: int
    initial: Ints
    step: Netlist
    last: bool = False
    tail: Netlist | None = None


@dataclass(frozen=True, slots=True)
class Search(Actor):
    """How many of its thresholds each lane has reached, by binary search: for maps with many steps.

    thresholds (phases, lanes, 2**levels - 1), ascending; word n meets those of phase n % phases, and one beyond a
    lane's range is never reached. Each level has a memory of its own, the deep ones of `memory`, and takes two cycles,
    so that a word can come in every cycle. The tail makes values of the numbers.
    """

    thresholds: Ints
    memory: Memory = Memory.BLOCK
    tail: Netlist | None = None


@dataclass(frozen=True, slots=True)
class Interleave(Actor):
    """Words of several arguments in turn: counts[0] of the first, counts[1] of the second, ..., and again."""

    counts: tuple[int, ...]
    tail: Netlist | None = None
