"""Area of netlist words on a fabric: LUTs, carry cells, flip-flops, word by word.

A word's LUTs follow from where bits really meet: an adder spends one LUT per overlapping bit (or one per bit
of the carry chain, where carry cells hold them), a shift nothing, a table what its output bits depend on.
Single words agree with yosys 0.23 (`benchmarks.calibrate` prints the errors); whole designs too, as long as
sums stay carry chains (`toolchain.sums`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bitwright.core.rules import Rules
from bitwright.cost.chain import chain_of
from bitwright.cost.tables import table_luts
from bitwright.ir.netlist.ops import (
    Add,
    AtLeast,
    Bits,
    Clip,
    Constant,
    Input,
    Multiply,
    Mux,
    Register,
    Shift,
    Subtract,
    Sum,
    Table,
    Word,
    is_join,
)
from bitwright.platforms import Fabric

__all__ = ["Area", "area", "product_luts", "table_luts"]


@dataclass(frozen=True, slots=True)
class Area:
    """What something takes: LUTs, flip-flops, carry cells (4 bits each), DSP slices, memories of 18 kbit, UltraRAMs."""

    luts: float = 0.0
    ffs: float = 0.0
    carries: float = 0.0
    dsps: float = 0.0
    bram18s: float = 0.0
    urams: float = 0.0

    def __add__(self, other: Area) -> Area:
        return Area(
            self.luts + other.luts, self.ffs + other.ffs, self.carries + other.carries, self.dsps + other.dsps,
            self.bram18s + other.bram18s, self.urams + other.urams,
        )  # fmt: skip

    def times(self, count: float) -> Area:
        """So many of it."""
        return Area(
            self.luts * count, self.ffs * count, self.carries * count, self.dsps * count, self.bram18s * count,
            self.urams * count,
        )  # fmt: skip

    @staticmethod
    def total(areas: Iterable[Area]) -> Area:
        """The sum of many, without an area for each that is added."""
        luts = ffs = carries = dsps = bram18s = urams = 0.0
        for one in areas:
            luts += one.luts
            ffs += one.ffs
            carries += one.carries
            dsps += one.dsps
            bram18s += one.bram18s
            urams += one.urams
        return Area(luts, ffs, carries, dsps, bram18s, urams)


_NOTHING = Area()

area: Rules[[Word, list[Word], Fabric], Area] = Rules("area of a netlist operator")


@area.on(Input, Constant, Shift, Bits)
def _(op: object, out: Word, args: list[Word], fabric: Fabric) -> Area:
    return _NOTHING


@area.on(Register)
def _(op: Register, out: Word, args: list[Word], fabric: Fabric) -> Area:
    return Area(ffs=out.width)


@area.on(Add)
def _(op: Add, out: Word, args: list[Word], fabric: Fabric) -> Area:
    if is_join(op, args[1]):
        return _NOTHING
    return _sum(out, args, (op.left, op.right), False, fabric)


@area.on(Subtract)
def _(op: Subtract, out: Word, args: list[Word], fabric: Fabric) -> Area:
    found = _sum(out, args, (op.left, op.right), True, fabric)
    flips = fabric.inverter_luts * (args[1].width if args[1].low != args[1].high else 0)
    return Area(found.luts + flips, 0, found.carries)


@area.on(Sum)
def _(op: Sum, out: Word, args: list[Word], fabric: Fabric) -> Area:
    chain = chain_of(op, out, args)
    if fabric.adder_operands >= len(args) and not fabric.carry_luts:
        # What is left over is added by a second chain, from the lowest column up (`bw_sum`).
        cells, second = -(-(chain.width - chain.first) // fabric.carry_bits), -(-chain.width // fabric.carry_bits)
        return Area(luts=chain.lut_count, carries=cells + (second if chain.rest else 0))
    flips = sum((o.inverted & o.present).bit_count() for o in chain.operands)
    chains = max(len(args) - 1, 0) + (chain.constant + chain.free + chain.rest > 0)
    one = chained(chain.lut_count, chain.width - chain.first, fabric)
    return Area(flips + chains * one.luts, 0, chains * one.carries)


def _sum(out: Word, args: list[Word], shifts: tuple[int, int], subtract: bool, fabric: Fabric) -> Area:
    """The LUTs where two signals meet: sign extensions repeat a pair of bits that has its LUT already."""
    (a, b), (left, right), width = args, shifts, out.width
    tops = (a.width + left, b.width + right)
    begin, end = max(shifts), min(max(tops), width)
    for top, arg in zip(tops, args, strict=True):
        if arg.low >= 0 and top < end:
            end = top
    fixed = a.low == a.high or b.low == b.high
    first = right if subtract else begin
    if fixed:
        first = _free_bits(args, shifts, subtract)
    bits = max(width - first, 0)
    if fixed and bits < fabric.shortest_chain:
        return Area(luts=max(bits - 1, 0))
    found = chained(0 if fixed else max(end - begin, 0), bits, fabric)
    if fabric.inverter_luts and found.carries:
        # The last carry is left out; where it would be the sum's top bit, so is the LUT.
        return Area(found.luts - (width > max(tops) and a.low >= 0 and b.low >= 0), 0, found.carries - 1)
    return found


def chained(meetings: int, bits: int, fabric: Fabric) -> Area:
    """A carry chain of `bits` bits, at `meetings` of which a LUT must join two signals.

    Where carry cells hold their LUTs, every bit takes one. What is shorter than the shortest chain becomes plain
    logic: a LUT a bit, one for the carry into the third, and one for that into a top bit where two signals meet.
    """
    if bits < fabric.shortest_chain:
        return Area(luts=bits + (bits == 4) + (bits > 2 and meetings == bits))
    cells = -(-bits // fabric.carry_bits)
    return Area(luts=cells * fabric.carry_bits * fabric.carry_luts or meetings, carries=cells)


def _free_bits(args: list[Word], shifts: tuple[int, int], subtract: bool) -> int:
    """Low bits that a sum with a constant leaves as they are: the constant's trailing zeros, or the shift."""
    place = 0 if args[0].low == args[0].high else 1
    if subtract and place == 0:
        return shifts[1]
    moved = shifts[1 - place]
    value = args[place].low << shifts[place] >> moved
    return moved + max((value & -value).bit_length() - 1, 0)


@area.on(Clip)
def _(op: Clip, out: Word, args: list[Word], fabric: Fabric) -> Area:
    """A LUT per bit, and what it takes to know that the code lies beyond a bound."""
    source = args[0]
    luts = float(max(out.width - out.signed, 1)) if source.width > 1 else 0.0
    crossed = [b for b, c in ((op.high + 1, source.high > op.high), (op.low, source.low < op.low)) if b and c]
    powers = [bound for bound in crossed if _is_power(bound)]
    if powers:
        spare = source.width - (abs(powers[0]).bit_length() - 1)
        luts += _beyond(spare, fabric) + (2 if len(powers) > 1 and spare >= fabric.lut_inputs else 0)
    return Area(luts=luts + (len(crossed) - len(powers)) * compared(source, fabric))


def _is_power(bound: int) -> bool:
    """Whether the top bits alone say that a code has crossed it."""
    return abs(bound) & (abs(bound) - 1) == 0


def _beyond(spare: int, fabric: Fabric) -> int:
    """LUTs that gather the bits beyond a bound, behind those that a result's own LUT (and the free multiplexers
    beside six-input ones) still takes.
    """
    if fabric.lut_inputs >= 6:
        return -(-max(spare - 8, 0) // 2)
    return -(-max(spare + 1 - fabric.lut_inputs, 0) // (fabric.lut_inputs - 1))


def tree(inputs: int, fabric: Fabric) -> int:
    """LUTs that combine `inputs` bits into one."""
    return -(-max(inputs - 1, 0) // (fabric.lut_inputs - 1))


def compared(word: Word, fabric: Fabric) -> float:
    """LUTs of a comparison with a number: a tree, or the carry chain that yosys takes where it holds its LUTs."""
    if word.width <= fabric.lut_inputs or not fabric.carry_luts:
        return tree(word.width, fabric)
    return word.width + 2.0


@area.on(AtLeast)
def _(op: AtLeast, out: Word, args: list[Word], fabric: Fabric) -> Area:
    width = max(a.width for a in args)
    if any(a.low == a.high for a in args):
        first, second = args
        extreme = first.high == first.low == second.low or second.low == second.high == first.high
        return Area(luts=tree(width, fabric) if extreme else compared(Word(0, (1 << width) - 1), fabric))
    if 2 * width <= fabric.lut_inputs:
        return _NOTHING  # it merges into what reads it
    if width < fabric.shortest_chain:
        return Area(luts=width)
    if fabric.inverter_luts:
        return Area(luts=width + 1, carries=width)  # carry cells alone, behind inverters
    if fabric.carry_luts:
        cells = -(-width // fabric.carry_bits)
        return Area(luts=cells * fabric.carry_bits + width / 2 + 1, carries=cells)
    return Area(luts=2 * -(-width // 3), carries=-(-width // 12) if width > 6 else 0)


@area.on(Mux)
def _(op: Mux, out: Word, args: list[Word], fabric: Fabric) -> Area:
    """A LUT for every pair of bits that is no pair of numbers; extensions repeat a pair."""
    if out.width == 1 and any(a.low == a.high for a in args[1:]):
        return _NOTHING  # an AND or OR that merges into what reads it
    pairs = {(_bit(args[1], place), _bit(args[2], place)) for place in range(out.width)}
    return Area(luts=sum(not (isinstance(a, bool) and isinstance(b, bool)) for a, b in pairs))


def _bit(word: Word, place: int) -> int | bool:
    """Which bit of a word's code lies at `place`, its extension included; a truth value where it is a number."""
    if word.low == word.high:
        return bool(word.low >> place & 1)
    if place < word.width:
        return place
    return word.width - 1 if word.signed else False


@area.on(Multiply)
def _(op: Multiply, out: Word, args: list[Word], fabric: Fabric) -> Area:
    """A multiplier block where yosys takes one; else a LUT or two for every pair of bits."""
    a, b = (w.width for w in args)
    if fabric.dsp_product and min(a, b) > 1 and out.width >= fabric.dsp_product:
        return Area(dsps=-(-max(a, b) // 25) * -(-min(a, b) // 18))
    cells = -(-max(a, b) // fabric.carry_bits) if out.width >= fabric.shortest_chain + 2 else 0
    return Area(luts=product_luts(a, b, fabric) if min(a, b) > 1 else 0.0, carries=cells)


def product_luts(a: int, b: int, fabric: Fabric) -> float:
    """LUTs of a product of `a` by `b` bits without a multiplier block."""
    return (1.2 if fabric.lut_inputs >= 6 else 2.0) * a * b


@area.on(Table)
def _(op: Table, out: Word, args: list[Word], fabric: Fabric) -> Area:
    return Area(luts=table_luts(op.values.array, op.start, args[0].width, out, fabric))
