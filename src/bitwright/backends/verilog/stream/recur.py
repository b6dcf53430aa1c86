"""Actors with a state: the front, and the nets through which the state goes around."""

from __future__ import annotations

from bitwright.backends.verilog.stream.fronts import Front, front
from bitwright.backends.verilog.stream.layout import bits_of, packed
from bitwright.backends.verilog.tree import Expression, Item, Net, Ref
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.ops import Recur
from bitwright.ir.dataflow.recur import loop_cycles, state_words

__all__ = ["loop_nets"]


@front.on(Recur)
def _(op: Recur, result: Stream, args: list[Stream]) -> Front:
    given, state = args[0].lane_words(), state_words(op.step)
    parameters = (
        ("WIDTH", bits_of(given)),
        ("STATE", bits_of(state)),
        ("INITIAL", packed(op.initial.array.ravel().tolist(), state)),
        ("COUNT", op.count),
        ("LAST", int(op.last)),
        ("CYCLES", loop_cycles(op.step)),
    )
    about = f"rounds of {op.count} words, each meets the state that the one before it left"
    about += "; the last of a round makes a word" if op.last else ""
    return Front("bw_recur", parameters, (given,), given, about)


def loop_nets(op: Recur) -> tuple[list[Item], list[tuple[str, Expression]]]:
    """The state and the next one, and the front's ports for them."""
    bits = bits_of(state_words(op.step))
    return [Net("wire", name, bits) for name in ("state", "next")], [(n, Ref(n)) for n in ("state", "next")]
