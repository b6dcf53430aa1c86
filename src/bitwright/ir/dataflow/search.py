"""The rules of `Search`: thresholds found by halves, a level after the other."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow.infer import bare, tail_of
from bitwright.ir.dataflow.ops import Memory, Search
from bitwright.ir.dataflow.run import evaluate
from bitwright.ir.dataflow.schedule import Process, schedule
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.netlist import Word, latency_cycles
from bitwright.numeric import IntArray

__all__ = ["LEVEL_CYCLES", "bound_word", "check_search", "level_bounds", "level_memory", "levels_of"]

LEVEL_CYCLES = 2
"""A threshold is read in one cycle and compared in the next."""
_DEEP = 256
"""Words of a level that are worth a memory of blocks."""


def levels_of(op: Search) -> int:
    """How often the thresholds are halved."""
    return op.thresholds.shape[2].bit_length()


def bound_word(lane: Word) -> Word:
    """What a threshold of a lane may be: one beyond its range is never reached."""
    return Word(lane.low, lane.high + 1)


def level_bounds(op: Search, lane: int, level: int) -> IntArray:
    """The thresholds of a level (phases << level,): the middle of each part that the levels above leave."""
    stride = 1 << levels_of(op) - level
    return op.thresholds.array[:, lane, stride // 2 - 1 :: stride].ravel()


def level_memory(op: Search, level: int) -> Memory:
    """What a level's thresholds are in."""
    return op.memory if op.thresholds.shape[0] << level >= _DEEP else Memory.LUT


def check_search(op: Search, given: Stream, where: str) -> None:
    """Thresholds ascend and lie in their lanes' ranges, as many as halving needs; raises `InvalidProgram`."""
    bounds = op.thresholds.array
    if bounds.ndim != 3 or bounds.shape[1] != given.lanes or bounds.shape[2] & (bounds.shape[2] + 1):
        raise InvalidProgram(f"thresholds of shape {bounds.shape} for {given.lanes} lanes", where=where)
    words = [bound_word(word) for word in given.lane_words()]
    low, high = (np.array([getattr(w, end) for w in words])[:, None] for end in ("low", "high"))
    if (bounds[..., 1:] < bounds[..., :-1]).any() or (bounds < low).any() or (bounds > high).any():
        raise InvalidProgram("thresholds that do not ascend within their lanes", where=where)


@bare.on(Search)
def _(op: Search, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    if len(op.thresholds.shape) != 3 or args[0].words % op.thresholds.shape[0]:
        raise InvalidProgram(f"{args[0].words} words, thresholds of shape {op.thresholds.shape}", where="Search")
    return args[0].words, [Word(0, op.thresholds.shape[2])] * args[0].lanes


@evaluate.on(Search)
def _(op: Search, result: Stream, args: list[IntArray]) -> IntArray:
    words, bounds = args[0], op.thresholds.array
    found = np.empty(words.shape, dtype=np.int64)
    for phase in range(len(bounds)):
        for lane in range(words.shape[2]):
            given = words[:, phase :: len(bounds), lane]
            found[:, phase :: len(bounds), lane] = np.searchsorted(bounds[phase, lane], given, side="right")
    return found


@schedule.on(Search)
def _(op: Search, result: Stream, args: list[Stream]) -> tuple[tuple[Process, ...], int]:
    always, tail = np.ones(result.words, dtype=np.bool_), tail_of(op)
    late = 1 + LEVEL_CYCLES * levels_of(op) + (0 if tail is None else latency_cycles(tail))
    return (Process(result.words, {0: always}, always),), late
