"""`ScheduleEngine`: from a graph to an engine program, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.ir.engine import Engine, External
from bitwright.ir.graph import Graph
from bitwright.passes.engine.assembly import Assembly
from bitwright.passes.engine.draft import Draft
from bitwright.passes.engine.drafting import Drafting
from bitwright.platforms import Device

__all__ = ["ScheduleEngine"]


@dataclass(frozen=True)
class ScheduleEngine:
    """One instruction a layer, with the map behind it; regions by liveness, first fit; constants laid out by words.

    `lanes` elements to a word; netlists pipelined for `clock_mhz` on `device` (None: no registers). With `external`
    memory weights come from there: into two buffers of `buffer_words` that take turns, or (0, or where two buffers
    hold all) once and for all; feature maps go there, the largest first, and come back row by row, where more than
    `feature_words` would be needed on the chip (0: any number).

    Graphs have one input and one output. Raises `Unsupported`, naming the layer, for what the engine does not do:
    products of two tensors, maps that are neither affine nor monotone in few steps, channels that change places with
    rows or columns.
    """

    device: Device
    clock_mhz: float | None
    lanes: int = 8
    external: External | None = None
    buffer_words: int = 0
    feature_words: int = 0

    def __call__(self, program: Graph) -> Engine:
        """The engine program of the same function."""
        drafts = self.drafts(program)
        assembly = Assembly(
            drafts, self.lanes, self.device, self.clock_mhz, self.external, self.buffer_words, self.feature_words
        )
        return assembly.made(program.name)

    def drafts(self, program: Graph) -> list[Draft]:
        """The instructions before memory is given out: walks, weights, ranges and last steps."""
        if self.lanes < 1 or self.buffer_words < 0:
            raise InvalidValue(f"{self.lanes} lanes, buffers of {self.buffer_words} words", remedy="give 1 or more")
        if len(program.inputs) != 1 or len(program.outputs) != 1:
            raise Unsupported(
                f"{len(program.inputs)} inputs and {len(program.outputs)} outputs", where=program.name,
                why="the engine has one stream in and one out", remedy='use architecture="dataflow"',
            )  # fmt: skip
        return Drafting(program, self.lanes).made()
