"""The area of a binary search among thresholds."""

from __future__ import annotations

import numpy as np

from bitwright.cost.actors.logic import STEP_LUTS, counter, register
from bitwright.cost.actors.memories import bits_for, rom_area
from bitwright.cost.actors.rules import actor_area, bits_of, tail_area
from bitwright.cost.area import Area, area
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.ops import Search
from bitwright.ir.dataflow.search import bound_word, level_bounds, level_memory, levels_of
from bitwright.ir.netlist import Word
from bitwright.ir.netlist.ops import AtLeast
from bitwright.platforms import Fabric

__all__ = ["search_area"]


@actor_area.on(Search)
def _(op: Search, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    words = args[0].lane_words()
    return register(bits_of(words) + 1) + Area(STEP_LUTS) + search_area(op, words, fabric) + tail_area(op, fabric)


def search_area(op: Search, words: list[Word], fabric: Fabric) -> Area:
    """`bw_search_level`, lane by lane: thresholds, a comparison, and what goes along with a word."""
    phases, levels = op.thresholds.shape[0], levels_of(op)
    along = 0 if phases == 1 else bits_for(phases)
    found = counter(phases) + register(2 * levels + 2 * (levels - 1) * along + along)
    for lane, word in enumerate(words):
        bound = bound_word(word)
        compared = area(AtLeast(), Word(0, 1), [word, bound], fabric)
        for level in range(levels):
            bits = level_bounds(op, lane, level)[:, None] >> np.arange(bound.width) & 1
            found += rom_area(bits, level_memory(op, level)) + compared
            found += register(word.width * (1 if level == levels - 1 else 2) + 2 * level + 1)
    return found
