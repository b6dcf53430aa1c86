"""`diff`: which tensor diverges first, where in it, and the two integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.flow.design import Batch, Design
from bitwright.flow.vectors import random_codes
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.netlist import Netlist
from bitwright.numeric import IntArray

__all__ = ["diff", "diff_graphs", "diff_netlists", "first_difference"]


def first_difference(
    before: str, golden: Sequence[IntArray], after: str, found: Sequence[IntArray], samples: NDArray[Any]
) -> str:
    """Words for the first differing element among `samples` of the outputs."""
    for index, (a, b) in enumerate(zip(golden, found, strict=True)):
        for sample in samples:
            where = np.argwhere(a[sample] != b[sample])
            if len(where):
                element = tuple(int(i) for i in where[0])
                return (
                    f"output {index}, sample {int(sample)}, element {element}:"
                    f" {before} {int(a[sample][element])}, {after} {int(b[sample][element])}"
                )
    return f"{before} and {after} differ"


def diff(design: Design, other: Design | None, x: Batch | None) -> str | None:
    """The first diverging tensor, in words, or None.

    With `other`: layer by layer between the two graphs. Without: between the design's own graph
    and its netlists.
    """
    codes = random_codes(design.graph, 1024, design.options.seed) if x is None else design.encode(x)
    if other is not None:
        return diff_graphs(design.graph, other.graph, codes)
    found = diff_graphs(design.source, design.graph, codes, outputs_only=True)
    return found or diff_netlists(design.graph, design.netlist, codes)


def diff_graphs(left: Graph, right: Graph, codes: list[IntArray], outputs_only: bool = False) -> str | None:
    """Nodes of the same name compared in the left graph's order."""
    ours, theirs = graphs.trace(left, codes), graphs.trace(right, codes)
    place = {node.name: i for i, node in enumerate(right.nodes)}
    pairs = [(i, place[n.name]) for i, n in enumerate(left.nodes) if n.name in place and not outputs_only]
    pairs += list(zip(left.outputs, right.outputs, strict=True))
    for a, b in pairs:
        if ours[a].shape != theirs[b].shape:
            raise InvalidValue("shapes differ", where=left.nodes[a].name, remedy="compare designs of one model")
        if (ours[a] != theirs[b]).any():
            return _words(left.nodes[a].name, ours[a], theirs[b], right.nodes[b].type)
    return None


def _words(name: str, left: IntArray, right: IntArray, type: TensorType) -> str:
    where = tuple(int(i) for i in np.argwhere(left != right)[0])
    low, high = type.bounds()
    one, two = int(left[where]), int(right[where])
    outside = "" if low[where[1:]] <= one <= high[where[1:]] else " (overflow: it leaves the format)"
    share = float((left != right).mean())
    return (
        f"tensor '{name}', sample {where[0]}, element {where[1:]}: {one} and {two}{outside};"
        f" {share:.2%} of its codes differ"
    )


def diff_netlists(graph: Graph, netlist: Netlist, codes: list[IntArray]) -> str | None:
    """The first netlist word that leaves its proven range, else the first differing output, by layer."""
    golden, found = graphs.run(graph, codes), netlists.run(netlist, codes)
    if all((a == b).all() for a, b in zip(golden, found, strict=True)):
        return None
    for node, values in zip(netlist.nodes, netlists.trace(netlist, codes), strict=True):
        outside = (values < node.type.low) | (values > node.type.high)
        if outside.any():
            sample = int(np.argwhere(np.atleast_1d(outside))[0][0])
            value = int(np.atleast_1d(values)[sample])
            return (
                f"layer '{node.origin.layer}', word {node.name}, sample {sample}: {value} leaves"
                f" [{node.type.low}, {node.type.high}]"
            )
    for index, (a, b, port) in enumerate(zip(golden, found, netlist.results, strict=True)):
        where = np.argwhere(a != b)
        if len(where):
            at = tuple(int(i) for i in where[0])
            word = port.words[int(np.ravel_multi_index(at[1:], port.shape)) if port.shape else 0]
            node = netlist.nodes[word]
            return (
                f"output {index}, sample {at[0]}, element {at[1:]} (word {node.name}, layer '{node.origin.layer}'):"
                f" graph {int(a[at])}, netlist {int(b[at])}"
            )
    return None
