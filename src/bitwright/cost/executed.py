"""The area of the actor `Execute`: that of its engine, and what joins it to the channels."""

from __future__ import annotations

from bitwright.cost.actors.rules import actor_area
from bitwright.cost.area import Area
from bitwright.cost.engines import engine_area
from bitwright.ir.dataflow import Execute, Stream
from bitwright.platforms import Fabric

__all__ = ["JOINED"]

JOINED = Area(4)
"""Flags between the engine and the channels on both sides."""


@actor_area.on(Execute)
def _(op: Execute, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    return engine_area(op.program, fabric) + JOINED
