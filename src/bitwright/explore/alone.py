"""A layer placed by itself, as the actors that it becomes, or enough of it to tell what all of it takes."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from bitwright.cost.actors import actor_area
from bitwright.cost.area import Area
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import Convert, Rearrange, Source
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import (
    Add,
    Constant,
    Conv,
    Dense,
    GraphOp,
    Map,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Subtract,
    SumPool,
)
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.passes.streaming import Folding, Place
from bitwright.passes.streaming.placer import GraphNode
from bitwright.platforms import Device

__all__ = ["Alone", "area_of", "is_depthwise", "parts"]

_WIDEST = 16
"""Lanes that are built of a layer whose words are wider; it is as many times as large."""
_SOME, _FEW = 8, 4
"""The same where each channel is for itself, and where a lane meets more than `_MET` channels: the numbers that it
looks up take most then, and they differ less from lane to lane.
"""
_MET = 4
_BY_CHANNEL = MaxPool | SumPool | Map | Add | Subtract | Multiply | Maximum | Minimum
"""Operators in which no channel meets another."""


class Alone:
    """The layers of `graph`, each by itself on `device`, its inputs in words that fit."""

    def __init__(self, graph: Graph, device: Device, clock_mhz: float | None) -> None:
        self.graph, self.device, self.clock_mhz = graph, device, clock_mhz
        self.known: dict[str, Graph] = {}
        self.areas: dict[tuple[str, Folding], Area] = {}

    def area(self, node: GraphNode, last: GraphNode, then: Map | None, folding: Folding) -> Area:
        """What the layer takes with its map `then`, which makes the value of `last`.

        Of wide words some lanes are built, with all the channels that each of them meets.
        """
        lanes, channels = folding.lanes, last.type.shape[-1] if last.type.shape else 1
        if lanes > channels and lanes % channels == 0:  # whole pixels
            pixel = self.area(node, last, then, replace(folding, lanes=channels))
            return pixel.times(lanes / channels)
        apart = channels % lanes == 0 and self._is_apart(node, channels)
        most = (_FEW if channels // lanes > _MET else _SOME) if apart else _WIDEST
        if lanes <= most:
            return self._whole(node, last, then, folding)
        if apart:
            met = np.arange(channels // lanes)[:, None] * lanes + np.arange(most) * lanes // most
            some = self.placed(node, last, then, replace(folding, lanes=most), met.ravel())
            return area_of(some, self.device).times(lanes / most)
        built = next(d for d in range(most, 0, -1) if lanes % d == 0)
        return self._whole(node, last, then, replace(folding, lanes=built)).times(lanes / built)

    def _whole(self, node: GraphNode, last: GraphNode, then: Map | None, folding: Folding) -> Area:
        if (node.name, folding) not in self.areas:
            self.areas[node.name, folding] = area_of(self.placed(node, last, then, folding), self.device)
        return self.areas[node.name, folding]

    def _is_apart(self, node: GraphNode, channels: int) -> bool:
        """Whether each of so many channels of the result comes from the same channel of every argument."""
        given = self.graph.args_of(node)
        if not isinstance(node.op, _BY_CHANNEL) and not is_depthwise(node.op):
            return False
        if any(isinstance(a.op, Constant) or a.type.shape[-1:] != (channels,) for a in given):
            return False
        return len(given) == 1 or all(n.type.step.uniform is not None for n in (node, *given))

    def placed(
        self, node: GraphNode, last: GraphNode, then: Map | None, folding: Folding, channels: IntArray | None = None
    ) -> Dataflow:
        """The layer with a folding; `channels`: some of its results, and of a layer without products these inputs."""
        if channels is not None:
            alone = self._graph(node, last, then, channels)
        elif node.name in self.known:
            alone = self.known[node.name]
        else:
            alone = self.known[node.name] = self._graph(node, last, then)
        told = {node.name: folding}
        for given in alone.inputs:
            told[given.name] = Folding(folding.lanes if _has_lanes(given.type, folding.lanes) else 1)
        return Place(self.device, self.clock_mhz, told)(alone)

    def _graph(self, node: GraphNode, last: GraphNode, then: Map | None, channels: IntArray | None = None) -> Graph:
        builder, args, op = GraphBuilder(), list[int](), node.op
        through = channels if not isinstance(op, Dense | Conv) or is_depthwise(op) else None
        for number, a in enumerate(node.args):
            given = self.graph.nodes[a]
            if isinstance(given.op, Constant):
                args.append(builder.add(given.op, (), given.type, f"constant_{number}"))
            else:
                type = given.type if through is None else _type_of(given.type, through)
                args.append(builder.input(type, f"given_{number}"))
        # Some of a layer's channels have no use for the steps of all of them; area asks for none.
        asked = node.type.step, last.type.step
        steps = [step if channels is None or step.uniform is not None else Steps.of(1) for step in asked]
        if channels is not None:
            made = node.type.shape[-1]
            op, then = _few(op, channels, made), then and _few(then, channels, made)
        made = builder.apply(op, args, step=steps[0], name=node.name)
        if then is not None:
            made = builder.apply(then, [made], step=steps[1], name=f"{node.name}_map")
        return builder.graph("alone", [made])


def area_of(placed: Dataflow, device: Device) -> Area:
    """All actors of a layer that is placed by itself."""
    fixed, last = parts(placed, device)
    return fixed + last


def parts(placed: Dataflow, device: Device) -> tuple[Area, Area]:
    """Its actors but the last, and the last."""
    fixed, last = Area(), Area()
    for position, actor in enumerate(placed.nodes):
        if isinstance(actor.op, Source | Convert):
            continue
        known = actor.op
        if isinstance(known, Rearrange):
            known = replace(known, depth=_held(known))
        found = actor_area(known, actor.type, [a.type for a in placed.args_of(actor)], device.fabric)
        if position in placed.outputs:
            last += found
        else:
            fixed += found
    return fixed, last


def is_depthwise(op: GraphOp) -> bool:
    """Whether each channel is convolved by itself, into one."""
    return isinstance(op, Conv) and op.groups > 1 and op.weights.shape[-2:] == (1, op.groups)


def _held(op: Rearrange) -> int:
    """Words that a rearrangement holds, about: the frame, or two rows where rows are released."""
    row = op.grid[1] * op.grid[2]
    return max(min(2 * row if op.release > 1 else prod(op.grid), prod(op.grid)), 2)


def _has_lanes(type: TensorType, lanes: int) -> bool:
    return bool(type.shape) and type.shape[-1] % lanes == 0


def _few(op: Any, channels: IntArray, made: int) -> Any:
    """Some of the `made` results of an operator."""
    if isinstance(op, Dense | Conv):
        narrow = replace(op, weights=Ints(op.weights.array[..., channels]), bias=Ints(op.bias.array[channels]))
        return replace(narrow, groups=len(channels)) if is_depthwise(op) else narrow
    if isinstance(op, Map) and op.rows.shape and op.rows.shape[-1] == made:
        return replace(op, rows=Ints(op.rows.array[..., channels]))
    return op


def _type_of(type: TensorType, channels: IntArray) -> TensorType:
    """Some channels of a tensor."""

    def of(part: Ints) -> Ints:
        return Ints(part.array[..., channels]) if part.shape and part.shape[-1] == type.shape[-1] else part

    step = type.step if type.step.uniform is not None else Steps.of(1)
    return TensorType((*type.shape[:-1], len(channels)), of(type.low), of(type.high), step)
