"""The passes that every compiled graph, and then its netlist, goes through, in order, in one place."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from bitwright.core.collector import collector_paused
from bitwright.ir.graph import Graph
from bitwright.ir.netlist import Netlist
from bitwright.passes.absorb import Absorb
from bitwright.passes.accumulate import Accumulate
from bitwright.passes.canonical import Canonical
from bitwright.passes.collapse import Collapse
from bitwright.passes.compose import Compose
from bitwright.passes.contest import Contest
from bitwright.passes.merge import Merge
from bitwright.passes.prune import Prune
from bitwright.passes.reassociate import Reassociate
from bitwright.passes.synthesize import Synthesize
from bitwright.passes.tabulate import Tabulate

__all__ = ["ARGMAX", "RECODING", "STANDARD", "GraphPass", "apply", "unrolled"]

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


@collector_paused()
def unrolled(program: Graph, synthesize: Synthesize) -> Netlist:
    """The netlist of a graph before retiming: sums grouped as the fabric adds them, small pieces as tables in rows."""
    fabric = synthesize.fabric
    grouped = Merge(fabric) if fabric.adder_operands > 2 else Reassociate(fabric)
    return Accumulate(fabric)(Collapse(fabric)(grouped(synthesize(program))))
