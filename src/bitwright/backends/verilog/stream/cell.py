"""The fronts of recurrent actors: cells at once in a loop of registers, and folded ones."""

from __future__ import annotations

from bitwright.backends.verilog.stream.fronts import Front, front
from bitwright.backends.verilog.stream.layout import bits_of, packed
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.cell import cell_sizes, operand_words
from bitwright.ir.dataflow.ops import Cell, Recur
from bitwright.ir.dataflow.recur import loop_cycles, state_words
from bitwright.ir.netlist import Word

__all__ = ["cell_words"]


def cell_words(op: Cell, args: list[Stream]) -> tuple[list[Word], list[Word]]:
    """A word of the row, and one that goes back, in the lanes of the operand."""
    words = operand_words(op, args)
    return words[: args[0].lanes], words[: op.back]


@front.on(Cell)
def _(op: Cell, result: Stream, args: list[Stream]) -> Front:
    sizes, words = cell_sizes(op, args), operand_words(op, args)
    own, back = cell_words(op, args)
    parameters = (
        ("XWIDTH", bits_of(own)),
        ("HWIDTH", bits_of(back)),
        ("WIDTH", bits_of(words)),
        ("XFOLDS", sizes.own),
        ("BLOCKS", sizes.blocks),
        ("IDLE", sizes.idle),
        ("ROWS", op.rows),
        ("LAST", int(op.last)),
        ("INITIAL", packed(op.initial.array[: op.back].tolist(), back)),
    )
    about = f"{op.rows} rows a round, {sizes.own} words each and {sizes.blocks} from before, {op.units} sums at a time"
    return Front("bw_cell", parameters, (own,), words, about)


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
