"""The passes that every compiled graph goes through, in order, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from bitwright.ir.graph import Graph
from bitwright.passes.absorb import Absorb
from bitwright.passes.canonical import Canonical
from bitwright.passes.compose import Compose
from bitwright.passes.contest import Contest
from bitwright.passes.prune import Prune
from bitwright.passes.tabulate import Tabulate

__all__ = ["ARGMAX", "RECODING", "STANDARD", "GraphPass", "apply"]

GraphPass = Callable[[Graph], Graph]

STANDARD: tuple[GraphPass, ...] = (Canonical(), Compose(), Tabulate(), Prune(), Absorb(), Canonical())
"""What `compile` does to a graph that was read."""

ARGMAX: tuple[GraphPass, ...] = (*STANDARD[:4], Contest(), *STANDARD[3:])
"""The same where only the argmax of the outputs matters."""

RECODING = frozenset({"absorb", "contest", "prune"})
"""Passes (as `Origin` names them) after which a tensor inside the network may hold other codes than before."""


def apply(program: Graph, passes: tuple[GraphPass, ...] = STANDARD) -> Graph:
    """`program` through `passes`, one after the other."""
    return reduce(lambda graph, step: step(graph), passes, program)
