"""Integer functions as words: the candidates for one element of a map, and the cheapest of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bitwright.core.rules import Rules
from bitwright.cost.area import Area, area
from bitwright.ir.netlist import NetlistBuilder, Word
from bitwright.numeric import (
    IntArray,
    MapForm,
    Rounding,
    ShiftRoundSaturate,
    Steps,
    Table,
    Thresholds,
    signed_digits,
)
from bitwright.passes.affine import Affine
from bitwright.passes.settle import affine_of, settled
from bitwright.passes.wraps import low_bits, wrap_of
from bitwright.platforms import Fabric

__all__ = ["element", "half_even", "larger", "rounded", "times", "tree"]

_WIDEST_TABLE = 14

Build = Callable[[NetlistBuilder, int], int]

element: Rules[[int, NetlistBuilder, int, Fabric], int] = Rules("one element of a map as words")
"""(form, row, builder, word, fabric) -> the word that holds the function's value, by the fewest LUTs there."""


def times(builder: NetlistBuilder, x: int, factor: int) -> int:
    """x * factor by signed digits, most significant first."""
    if factor == 0:
        return builder.constant(0)
    digits = signed_digits(abs(factor))[::-1]
    total, place = x, digits[0][0]
    for shift, sign in digits[1:]:
        combine = builder.add if sign > 0 else builder.subtract
        total = combine(total, x, place - shift, 0)
        place = shift
    total = builder.shift(total, place)
    return total if factor > 0 else builder.negate(total)


def larger(builder: NetlistBuilder, a: int, b: int) -> int:
    """The larger of two words, which is known where their ranges do not meet."""
    x, y = builder.type(a), builder.type(b)
    if x.low >= y.high:
        return a
    if y.low >= x.high:
        return b
    return builder.mux(builder.at_least(a, b), a, b)


def tree(items: list[int], combine: Callable[[int, int], int]) -> int:
    """All `items` combined two by two: least depth."""
    while len(items) > 1:
        pairs = [combine(a, b) for a, b in zip(items[::2], items[1::2], strict=False)]
        items = pairs + ([items[-1]] if len(items) % 2 else [])
    return items[0]


def half_even(builder: NetlistBuilder, x: int, shift: int, add: int = 0) -> int:
    """(x + add) / 2**shift rounded half to even: add half too, drop the bits, clear the last bit on a tie."""
    raised = builder.add(x, builder.constant(add + (1 << (shift - 1))))
    rounded = builder.shift(raised, -shift)
    tie = builder.at_least(builder.constant(0), builder.bits(raised, 0, shift))
    last = builder.mux(tie, builder.constant(0), builder.bits(rounded, 0, 1))
    return builder.add(builder.shift(rounded, -1), last, 1, 0)


def rounded(builder: NetlistBuilder, x: int, shift: int, mode: Rounding) -> int:
    """x / 2**shift in any mode: what the mode adds, then the floor."""
    if shift == 0:
        return x
    if mode is Rounding.HALF_EVEN:
        return half_even(builder, x, shift)
    # Every other mode adds one number to what is negative and one to what is not.
    above, below = builder.constant(mode.carry(0, shift)), builder.constant(mode.carry(-1, shift))
    carry = above if above == below else builder.mux(builder.at_least(x, builder.constant(0)), above, below)
    return builder.shift(builder.add(x, carry), -shift)


@element.on(ShiftRoundSaturate)
def _(form: ShiftRoundSaturate, row: int, builder: NetlistBuilder, x: int, fabric: Fabric) -> int:
    def arithmetic(builder: NetlistBuilder, x: int) -> int:
        plain = _plain(form, row, builder.type(x))
        product = times(builder, x, plain.mul)
        if plain.rounding is Rounding.HALF_EVEN:
            value = half_even(builder, product, plain.shift, plain.add)
        else:
            value = rounded(builder, builder.add(product, builder.constant(plain.add)), plain.shift, plain.rounding)
        return builder.clip(value, plain.low, plain.high)

    candidates: list[Build] = [arithmetic]
    plain = _plain(form, row, builder.type(x))
    if plain.mul & (plain.mul - 1) == 0 and plain.add == 0 and plain.rounding is Rounding.FLOOR:
        return arithmetic(builder, x)  # wires, perhaps a saturation
    folds = form.rounding in (Rounding.FLOOR, Rounding.HALF_EVEN)  # the sum before may take in what they add
    if builder.type(x).width <= (fabric.lut_inputs if folds else _WIDEST_TABLE):
        candidates.append(lambda b, w: _tabulated(form, row, b, w))
    return _cheapest(candidates, builder, x, fabric)


def _plain(form: ShiftRoundSaturate, row: int, word: Word) -> Affine:
    """The row settled, for the codes of `word`."""
    found = affine_of(form, row)
    if min(found.mul * word.low, found.mul * word.high) + found.add >= 0 and found.high >= 0:
        found = replace(found, low=max(found.low, 0))  # what is never negative needs no other bound
    return settled(found)


def _tabulated(form: MapForm, row: int, builder: NetlistBuilder, x: int) -> int:
    codes = _codes(builder.type(x))
    return builder.table(x, int(codes[0]), form(codes, np.array(row)).tolist())


def _codes(word: Word) -> IntArray:
    return np.arange(word.low, word.high + 1)


@element.on(Table)
def _(form: Table, row: int, builder: NetlistBuilder, x: int, fabric: Fabric) -> int:
    codes = _codes(builder.type(x))
    found = wrap_of(int(codes[0]), form(codes, np.array(row)))
    if found is None:
        return _tabulated(form, row, builder, x)
    if len(codes) > 1 << fabric.lut_inputs:
        return low_bits(builder, x, found)
    candidates: list[Build] = [lambda b, w: low_bits(b, w, found), lambda b, w: _tabulated(form, row, b, w)]
    return _cheapest(candidates, builder, x, fabric)


@element.on(Thresholds)
def _(form: Thresholds, row: int, builder: NetlistBuilder, x: int, fabric: Fabric) -> int:
    word = builder.type(x)
    steps, values = _reached(form, row, word)
    candidates: list[Build] = [lambda b, w: _search(b, w, steps, values)]
    if word.width <= _WIDEST_TABLE:
        candidates.append(lambda b, w: _tabulated(form, row, b, w))
    return _cheapest(candidates, builder, x, fabric)


def _reached(form: Thresholds, row: int, word: Word) -> tuple[list[int], list[int]]:
    """The thresholds inside the word's range and the values between them."""
    thresholds, values = form.thresholds.array[row], form.values.array[row]
    first = int((thresholds <= word.low).sum())
    last = int((thresholds <= word.high).sum())
    steps: list[int] = []
    kept = [int(values[first])]
    for place in range(first, last):
        if int(values[place + 1]) == kept[-1]:
            continue
        if steps and steps[-1] == int(thresholds[place]):
            kept[-1] = int(values[place + 1])
        else:
            steps.append(int(thresholds[place]))
            kept.append(int(values[place + 1]))
    return steps, kept


def _search(builder: NetlistBuilder, x: int, steps: list[int], values: list[int]) -> int:
    """Binary search: one comparison a bit, with the thresholds of the later ones looked up."""
    if not steps:
        return builder.constant(values[0])
    levels = len(steps).bit_length()
    padded = steps + [builder.type(x).high + 1] * ((1 << levels) - 1 - len(steps))
    found = -1
    for level in range(levels):
        stride = 1 << (levels - level)
        candidates = padded[stride // 2 - 1 :: stride]
        bound = _lookup(builder, found, candidates)
        bit = builder.at_least(x, bound)
        found = bit if found < 0 else builder.add(found, bit, 1, 0)
    last = [values[min(i, len(values) - 1)] for i in range(1 << levels)]
    return _lookup(builder, found, last)


def _lookup(builder: NetlistBuilder, index: int, choices: list[int]) -> int:
    if index < 0:
        return builder.constant(choices[0])
    return builder.table(index, 0, choices)


def _cheapest(candidates: list[Build], builder: NetlistBuilder, x: int, fabric: Fabric) -> int:
    """Try every candidate on a scratch netlist and build the one with the fewest LUTs."""
    if len(candidates) == 1:
        return candidates[0](builder, x)
    costs = [_cost(build, builder.type(x), fabric) for build in candidates]
    return candidates[costs.index(min(costs))](builder, x)


def _cost(build: Build, word: Word, fabric: Fabric) -> float:
    scratch = NetlistBuilder()
    port = scratch.input_port("x", (), [word], Steps.of(1))
    build(scratch, port.words[0])
    total = Area.total(area(n.op, n.type, [scratch.nodes[a].type for a in n.args], fabric) for n in scratch.nodes)
    return total.luts
