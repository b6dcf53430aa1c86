"""Several products in one multiplier block: units that share their inputs, their weights side by side in one factor.

x * (w0 + (w1 << k)) = x * w0 + (x * w1 << k): with fields of k bits that hold the sums of a few such products, each
unit's sum stands in its own field, less one where the field below is negative. (Xilinx WP486, with as many fields and
as many products to a field as the block's width allows.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bitwright.core.origin import Origin
from bitwright.cost.area import area
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import Steps
from bitwright.passes.merge import Merge
from bitwright.passes.streaming.dots import dot, summed, worth
from bitwright.platforms import Fabric

__all__ = ["joint", "joint_forms"]

_WIDE, _NARROW = 25, 18
"""Bits of a multiplier block's factors that every Xilinx part since series 7 has, both signed."""
_MOST = 4
"""Units that share a block."""


@dataclass(frozen=True)
class _Fields:
    """`units` fields of `bits` bits; `lanes` products are added up in each before it is read."""

    units: int
    bits: int
    lanes: int
    low: int
    high: int


@lru_cache(maxsize=256)
def joint(
    types: tuple[Word, ...], weight: Word, units: int, fabric: Fabric, blocks: bool = False
) -> Netlist | None:
    """The dot products of several units at once, where these share multiplier blocks; None where `dot` takes less.

    Blocks are few: where `dot` does without any, they are taken only if told so (`blocks`).
    """
    forms = joint_forms(types, weight, units, fabric)
    best = min(forms, key=lambda made: worth(made, fabric) / len(made.outputs), default=None)
    if best is None or blocks:
        return best
    one = dot(types, weight, fabric)
    taken = any(area(n.op, n.type, [one.nodes[a].type for a in n.args], fabric).dsps for n in one.nodes)
    return best if taken and worth(best, fabric) / len(best.outputs) < worth(one, fabric) else None


def joint_forms(types: Sequence[Word], weight: Word, units: int, fabric: Fabric) -> list[Netlist]:
    """Dot products of several of `units` units at once; ports `x` and `w` (unit by unit), an output a unit.

    One for each number of units that divides theirs and fits into a block; none where no block would be taken.
    """
    if not fabric.dsp_product or max(t.width for t in types) >= _NARROW:
        return []
    found: list[Netlist] = []
    for count in range(2, _MOST + 1):
        fields = _fields(types, weight, count) if units % count == 0 else None
        if fields is not None:
            found.append(_netlist(types, weight, fields, fabric))
    return found


def _fields(types: Sequence[Word], weight: Word, units: int) -> _Fields | None:
    """As wide as the block's factor allows; None where not one product fits."""
    bits = _WIDE // (units - 1)
    while bits > 1 and _factor(weight, units, bits).width > _WIDE:
        bits -= 1
    corners = [x * w for t in types for x in (t.low, t.high) for w in (weight.low, weight.high)]
    low, high = min(*corners, 0), max(*corners, 0)
    # A field holds its sum less what it lends to the one below.
    room = (1 << bits - 1) - 1
    lanes = min(room // -low if low else len(types), room // high if high else len(types), len(types))
    return _Fields(units, bits, lanes, low, high) if lanes else None


def _factor(weight: Word, units: int, bits: int) -> Word:
    """The range of weights side by side."""
    low, high = (sum(end << bits * unit for unit in range(units)) for end in (weight.low, weight.high))
    return Word(low, high)


def _netlist(types: Sequence[Word], weight: Word, fields: _Fields, fabric: Fabric) -> Netlist:
    builder, lanes = NetlistBuilder(), len(types)
    x = builder.input_port("x", (lanes,), types, Steps.of(1))
    w = builder.input_port("w", (lanes * fields.units,), [weight] * (lanes * fields.units), Steps.of(1))
    builder.at(Origin("sum"))
    parts: list[list[int]] = [[] for _ in range(fields.units)]
    for start in range(0, lanes, fields.lanes):
        group = range(start, min(start + fields.lanes, lanes))
        products = [builder.multiply(x.words[lane], _beside(builder, w, lane, lanes, fields)) for lane in group]
        for unit, words in enumerate(_split(builder, summed(builder, products, fabric), fields, len(group))):
            parts[unit] += words
    out = tuple(summed(builder, words, fabric) for words in parts)
    return Merge(fabric)(builder.finish("dots", [x, w], [Port("y", (fields.units,), out, Steps.of(1))]))


def _beside(builder: NetlistBuilder, w: Port, lane: int, lanes: int, fields: _Fields) -> int:
    """A lane's weights of all units as one factor."""
    total = w.words[lane]
    for unit in range(1, fields.units):
        total = builder.add(total, w.words[unit * lanes + lane], 0, unit * fields.bits)
    return total


def _split(builder: NetlistBuilder, total: int, fields: _Fields, count: int) -> list[list[int]]:
    """Each field of a sum of `count` products, and what it lent to the one below."""
    found: list[list[int]] = []
    low, high = count * fields.low, count * fields.high
    for unit in range(fields.units):
        place = unit * fields.bits
        lent = [builder.bits(total, place - 1, 1)] if unit and low < 0 else []
        if unit == fields.units - 1:
            own = builder.shift(total, -place)
        else:
            own = builder.bits(total, place, fields.bits)
            if low < 0:
                own = builder.subtract(own, builder.bits(total, place + fields.bits - 1, 1), 0, fields.bits)
        found.append([builder.narrow(own, low - len(lent), high), *lent])
    return found
