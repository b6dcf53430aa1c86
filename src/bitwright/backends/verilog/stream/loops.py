"""What stands behind the fronts of recurrent actors and of inner products: their kernels, and what goes around."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bitwright.backends.verilog.ports import BusWords, pack_tight
from bitwright.backends.verilog.stream.cell import cell_words
from bitwright.backends.verilog.stream.inner import unit_lanes
from bitwright.backends.verilog.stream.kernels import Kernel, Workshop
from bitwright.backends.verilog.stream.layout import Lanes, bits_of, bus, packed
from bitwright.backends.verilog.stream.search import searched
from bitwright.backends.verilog.tree import (
    Assign,
    Binary,
    Comment,
    Expression,
    Instance,
    Item,
    Net,
    Part,
    Ref,
)
from bitwright.ir.dataflow import Stream, phases_of
from bitwright.ir.dataflow.cell import CellSizes, cell_sizes, weight_words
from bitwright.ir.dataflow.ops import Actor, Cell, Inner, Memory, Recur, Search
from bitwright.ir.dataflow.recur import result_lanes, state_words
from bitwright.ir.netlist import Word

__all__ = ["Body", "kernels_behind", "nets_of"]


class Body(Protocol):
    """An actor's module while it is made."""

    name: str
    args: list[Stream]
    shop: Workshop
    items: list[Item]
    dropped: list[Expression]
    images: dict[str, str]
    latency_cycles: int

    def late(self, flag: str, cycles: int, result: str) -> list[Item]:
        """`result` is `flag`, so many cycles later."""
        ...

    def buses(self, net: str, kernel: Kernel) -> Iterator[Expression]:
        """The parts of a net on which a kernel's output buses lie side by side."""
        ...

    def accumulator(self, unit: int, dots: Lanes, totals: Lanes) -> None:
        """The accumulator of a unit."""
        ...

    def phase(self, phases: int, flag: str) -> Expression:
        """The number of a word, modulo `phases`."""
        ...

    def rom(self, name: str, rows: BusWords, width: int, memory: Memory) -> None:
        """A memory of constants that `index` reads."""
        ...


def nets_of(op: Actor, args: list[Stream]) -> tuple[list[Item], list[tuple[str, Expression]]]:
    """The nets between an actor's front and what stands behind it, and the front's ports for them."""
    sizes: dict[str, int] = {}
    if isinstance(op, Recur):
        bits = bits_of(state_words(op.step))
        sizes = {"state": bits, "next": bits}
    elif isinstance(op, Inner):
        sizes = {"first": 1, "last": 1}
    elif isinstance(op, Cell):
        told = cell_sizes(op, args)
        index = (told.blocks * told.folds - 1).bit_length()
        sizes = {"first": 1, "last": 1, "tell": 1, "index": index, "back": 1, "part": bits_of(cell_words(op, args)[1])}
    return [Net("wire", name, bits) for name, bits in sizes.items()], [(name, Ref(name)) for name in sizes]


def kernels_behind(body: Body, op: Actor, lanes: Lanes, flag: str) -> tuple[Lanes, str]:
    """The lanes of the actor's result before its tail, and their flag."""
    if isinstance(op, Recur):
        return _loop(body, op, lanes)
    if isinstance(op, Inner):
        return _inner(body, op, lanes)
    if isinstance(op, Search):
        return searched(body, op, lanes, flag)
    return _cell(body, op, lanes) if isinstance(op, Cell) else (lanes, flag)


def _loop(body: Body, op: Recur, x: Lanes) -> tuple[Lanes, str]:
    """The step: lanes of the result, and behind them the state, which goes back to the front."""
    kernel, state = body.shop.kernel(op.step, f"{body.name}_step"), Lanes("state", state_words(op.step))
    made, kept = Lanes("made", kernel.words), Lanes("kept", kernel.words[: result_lanes(op.step)])
    body.items += [Comment("the step: the result's word and the next state"), Net("wire", "made", made.bits)]
    given = {"x": x.to(kernel.port("x")), "state": state.to(kernel.port("state"))}
    body.items.append(kernel.instance("step", given, list(body.buses("made", kernel))))
    body.items.append(Assign(Ref("next"), made.to(state.words, result_lanes(op.step))))
    body.items += [Comment("the result's word leaves by a register too"), Net("wire", "kept", kept.bits)]
    joined = (("clk", Ref("clk")), ("data", made.to(kept.words)), ("late", Ref("kept")))
    body.items.append(Instance("bw_delay", "keep", joined, (("WIDTH", kept.bits), ("CYCLES", 1))))
    body.dropped += [*x.dropped, *state.dropped]
    body.items += body.late("go", kernel.latency_cycles + 1, "stepped")
    body.latency_cycles += kernel.latency_cycles + 1
    return kept, "stepped"


def _inner(body: Body, op: Inner, x: Lanes) -> tuple[Lanes, str]:
    """A dot product and an accumulator for each unit, and the flag of the finished word."""
    kernel, lanes = body.shop.kernel(op.dot, f"{body.name}_dot"), body.args[0].lanes
    rows = [unit_lanes(x, lanes, op.units, unit, kernel.port("w")) for unit in range(op.units)]
    return _summed(body, kernel, x, rows, [Word(op.low, op.high)] * op.units)


def _summed(body: Body, kernel: Kernel, x: Lanes, rows: list[Expression], words: list[Word]) -> tuple[Lanes, str]:
    """The totals of dot products of `x` with each unit's row, and the flag that they are done."""
    units = len(words)
    dots, totals = Lanes("dots", kernel.words * units), Lanes("total", words)
    body.items.append(Comment("a dot product and an accumulator for each unit"))
    body.items += [Net("wire", net.name, net.bits) for net in (dots, totals)]
    body.items.append(Net("wire", "done", units))
    for flag in ("go", "first", "last"):
        body.items += body.late(flag, kernel.latency_cycles, f"dot_{flag}")
    for unit, row in enumerate(rows):
        given = {"x": x.to(kernel.port("x")), "w": row}
        body.items.append(kernel.instance(f"dot_{unit}", given, [dots.lane(unit)]))
        body.accumulator(unit, dots, totals)
    body.dropped += [*x.dropped, *dots.dropped]
    body.latency_cycles = 2 + kernel.latency_cycles
    if units == 1:
        return totals, "done"
    body.dropped.append(Part("done", units - 1, 1))
    body.items += [Comment("all units are done at once"), Net("wire", "finished", 1, value=Part("done", 0, 0))]
    return totals, "finished"


def _cell(body: Body, op: Cell, x: Lanes) -> tuple[Lanes, str]:
    """Sums of a block, what it keeps, its step, and what goes back."""
    sizes, kernel = cell_sizes(op, body.args), body.shop.kernel(op.dot, f"{body.name}_dot")
    stored = weight_words(op, sizes)
    words = list(kernel.port("w")) * op.units
    body.items.append(Comment(f"{len(stored)} words of weights: (block, fold), unit 0 lane 0 lowest"))
    body.rom("weights", pack_tight([stored], [bus("weights", words)]), bits_of(words), op.memory)
    weights = Lanes("weights", words)
    rows = [weights.to(kernel.port("w"), unit * sizes.lanes) for unit in range(op.units)]
    totals, done = _summed(body, kernel, x, rows, [Word(op.low, op.high)] * op.units)
    found = _step(body, op, sizes, totals, done)
    body.latency_cycles += 1  # words stand in a register before the products
    return found


def _step(body: Body, op: Cell, sizes: CellSizes, totals: Lanes, done: str) -> tuple[Lanes, str]:
    """From a block's totals to the result's word, what goes back and what stays."""
    kernel, cycles = body.shop.kernel(op.step, f"{body.name}_step"), body.latency_cycles - 1
    made, back = Lanes("made", kernel.words), cell_words(op, body.args)[1]
    body.items += [Comment("the step of a block"), Net("wire", "made", made.bits)]
    body.items += body.late(done, kernel.latency_cycles, "stepped")
    given: dict[str, Expression] = {"x": totals.to(kernel.port("x"))}
    if sizes.states:
        given["state"] = _states(body, op, sizes, kernel, made)
    if any(port.name == "phase" for port in op.step.inputs):
        given["phase"] = body.phase(phases_of(op.step), done)
    body.items.append(kernel.instance("step", given, list(body.buses("made", kernel))))
    body.items += [Assign(Ref("back"), Ref("stepped")), Assign(Ref("part"), made.to(back, sizes.given))]
    body.items += body.late("tell", cycles + kernel.latency_cycles, "told")
    body.dropped += [*totals.dropped, *made.dropped]
    body.latency_cycles += kernel.latency_cycles
    return made, "told"


def _states(body: Body, op: Cell, sizes: CellSizes, kernel: Kernel, made: Lanes) -> Expression:
    """What every block keeps from row to row."""
    words = list(kernel.port("state"))
    state, codes = Lanes("state", words), op.initial.array[op.back :].tolist()
    ending = Binary("&", Ref("dot_go"), Ref("dot_last"))
    body.items += [Net("wire", "state", state.bits), Net("wire", "ending", 1, value=ending)]
    parameters = (
        ("WIDTH", state.bits), ("PARTS", sizes.blocks), ("TURNS", 1), ("ROWS", op.rows), ("TWICE", 0),
        ("INITIAL", packed(codes, words)),
    )  # fmt: skip
    joined = (
        ("clk", Ref("clk")), ("rst", Ref("rst")), ("write", Ref("stepped")),
        ("data", made.to(words, sizes.given + op.back)), ("read", Ref("ending")), ("word", Ref("state")),
    )  # fmt: skip
    body.items.append(Instance("bw_feedback", "states", joined, parameters))
    return state.to(words)
