"""Inner products of two streams: the front."""

from __future__ import annotations

from bitwright.backends.verilog.stream.fronts import Front, front
from bitwright.backends.verilog.stream.layout import Lanes, bits_of
from bitwright.backends.verilog.tree import Concat, Expression
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.ops import Inner
from bitwright.ir.netlist import Word

__all__ = ["unit_lanes"]


@front.on(Inner)
def _(op: Inner, result: Stream, args: list[Stream]) -> Front:
    given = tuple(a.lane_words() for a in args)
    words = [word for lanes in given for word in lanes]
    about = f"inner products over {op.count} words of {args[0].lanes} elements, {op.units} of them at a time"
    return Front("bw_inner", (("WIDTH", bits_of(words)), ("FOLDS", op.count)), given, words, about)


def unit_lanes(x: Lanes, lanes: int, units: int, unit: int, wanted: tuple[Word, ...]) -> Expression:
    """What a unit takes of the second word, which lies behind the first: element (lane, unit) for each lane."""
    places = [lanes + lane * units + unit for lane in range(lanes)]
    parts = [x.to([word], place) for word, place in zip(wanted, places, strict=True)]
    return parts[0] if len(parts) == 1 else Concat(tuple(reversed(parts)))
