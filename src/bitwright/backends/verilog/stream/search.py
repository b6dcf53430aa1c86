"""The levels of a binary search behind the words of a `Search`."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bitwright.backends.verilog.bench import hex_lines
from bitwright.backends.verilog.ports import pack_tight
from bitwright.backends.verilog.stream.fronts import BLOCK
from bitwright.backends.verilog.stream.layout import Lanes, bus
from bitwright.backends.verilog.tree import Comment, Expression, Instance, Item, Literal, Net, Ref
from bitwright.ir.dataflow.ops import Search
from bitwright.ir.dataflow.search import LEVEL_CYCLES, bound_word, level_bounds, level_memory, levels_of
from bitwright.ir.netlist import Word

__all__ = ["Body", "searched"]


class Body(Protocol):
    """An actor's module while it is made."""

    name: str
    items: list[Item]
    dropped: list[Expression]
    images: dict[str, str]
    latency_cycles: int

    def late(self, flag: str, cycles: int, result: str) -> list[Item]:
        """`result` is `flag`, so many cycles later."""
        ...

    def phase(self, phases: int, flag: str) -> Expression:
        """The number of a word, modulo `phases`."""
        ...


def searched(body: Body, op: Search, x: Lanes, flag: str) -> tuple[Lanes, str]:
    """How many thresholds each lane has reached, and the flag of that word."""
    phases, levels = op.thresholds.shape[0], levels_of(op)
    made = Lanes("reached", [Word(0, op.thresholds.shape[2])] * len(x.words))
    turn = body.phase(phases, flag)
    body.items += [Comment(f"thresholds in {levels} halves, for each lane"), Net("wire", "reached", made.bits)]
    for lane in range(len(x.words)):
        _lane(body, op, x, lane, turn, made)
    body.dropped += x.dropped
    body.items += body.late(flag, LEVEL_CYCLES * levels, "sought")
    body.latency_cycles += LEVEL_CYCLES * levels
    return made, "sought"


def _lane(body: Body, op: Search, x: Lanes, lane: int, turn: Expression, made: Lanes) -> None:
    """One level after the other."""
    phases, levels, word = op.thresholds.shape[0], levels_of(op), bound_word(x.words[lane])
    turns = max((phases - 1).bit_length(), 1)
    given, phase, found = x.to([word], lane), turn, Literal(0, 1)
    for level in range(levels):
        name, last = f"lane_{lane}_level_{level}", level == levels - 1
        nets = (("x", word.width), ("phase", turns), *(() if last else (("found", level + 1),)))
        body.items += [Net("wire", f"{name}_{net}", bits) for net, bits in nets]
        reached = made.lane(lane) if last else Ref(f"{name}_found")
        joined = (
            ("clk", Ref("clk")), ("x", given), ("phase", phase), ("found", found), ("next_x", Ref(f"{name}_x")),
            ("next_phase", Ref(f"{name}_phase")), ("next_found", reached),
        )  # fmt: skip
        file = f"{body.name}_{name}.hex"
        rows = np.ascontiguousarray(level_bounds(op, lane, level)[:, None])
        body.images[f"rtl/{file}"] = hex_lines(pack_tight([rows], [bus(name, [word])]), word.width)
        sizes = (
            ("WIDTH", word.width), ("SIGNED", int(word.signed)), ("LEVEL", level), ("PHASES", phases),
            ("BLOCK", BLOCK[level_memory(op, level)]), ("FILE", file),
        )  # fmt: skip
        body.items.append(Instance("bw_search_level", name, joined, sizes))
        given, phase, found = Ref(f"{name}_x"), Ref(f"{name}_phase"), reached
    body.dropped += [given, phase] if levels else []


