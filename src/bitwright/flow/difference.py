"""`diff`: which tensor diverges first, where in it, and the two integers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidProgram, InvalidValue, StorageError
from bitwright.core.files import inside, sha256
from bitwright.flow.compiled import Batch, Compiled
from bitwright.flow.rtl import diff_rtl
from bitwright.flow.vectors import random_codes
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import GraphOp
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.netlist.ops import WordOp
from bitwright.ir.program import Node
from bitwright.numeric import IntArray
from bitwright.passes import RECODING

__all__ = ["diff", "diff_files", "diff_graphs", "diff_netlists", "first_difference", "in_common", "netlist_fault"]


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


def in_common(
    built: Graph, before: Sequence[IntArray], after: Sequence[IntArray]
) -> tuple[list[IntArray], list[IntArray]]:
    """The outputs before and after the passes as far as they promise equality: only the argmax behind `Contest`."""
    ranked = ["contest" in node.origin.passes for node in built.results]
    return (
        [a.argmax(axis=-1) if only else a for a, only in zip(before, ranked, strict=True)],
        [a.argmax(axis=-1) if only else a for a, only in zip(after, ranked, strict=True)],
    )


def diff(
    design: Compiled, other: Compiled | None, x: Batch | None, folder: Path | None = None, rtl: bool = False
) -> str | None:
    """The first diverging tensor, in words, or None.

    With `other`: layer by layer between the two graphs. Without: between the graph as read and as
    built, then between that and the netlist word by word, ages in clock cycles included; with `rtl`
    the Verilog layer by layer; with `folder`, the files that were written there too.
    """
    codes = random_codes(design.graph, 1024, design.options.seed) if x is None else design.encode(x)
    if other is not None:
        return diff_graphs(design.graph, other.graph, codes)
    found = diff_graphs(design.source, design.graph, codes)
    found = found or netlist_fault(design.netlist) or diff_netlists(design, codes)
    if not found and rtl:
        found = diff_rtl(design, codes, folder)
    return found or (diff_files(design, folder) if folder else None)


def diff_graphs(left: Graph, right: Graph, codes: list[IntArray]) -> str | None:
    """Nodes of the same name compared in the left graph's order, then the outputs.

    Tensors that a rewrite gave other codes on one side (`passes.RECODING`) are no pairs.
    """
    if [n.type.shape for n in left.inputs] != [n.type.shape for n in right.inputs]:
        raise InvalidValue("inputs differ in shape", where=right.name, remedy="compare designs of one model")
    if len(left.outputs) != len(right.outputs):
        raise InvalidValue("they have not as many outputs", where=right.name, remedy="compare designs of one model")
    codes = [np.clip(c, *node.type.bounds()) for c, node in zip(codes, right.inputs, strict=True)]
    ours, theirs = graphs.trace(left, codes), graphs.trace(right, codes)
    place = {node.name: i for i, node in enumerate(right.nodes) if not RECODING.intersection(node.origin.passes)}
    kept = (i for i, n in enumerate(left.nodes) if not RECODING.intersection(n.origin.passes))
    pairs = [(i, place[left.nodes[i].name]) for i in kept if left.nodes[i].name in place]
    pairs += list(zip(left.outputs, right.outputs, strict=True))
    for a, b in pairs:
        if ours[a].shape[1:] != theirs[b].shape[1:]:
            raise InvalidValue("shapes differ", where=left.nodes[a].name, remedy="compare designs of one model")
        ranked = "contest" in right.nodes[b].origin.passes + left.nodes[a].origin.passes
        if (ours[a] != theirs[b]).any() and not (ranked and (ours[a].argmax(-1) == theirs[b].argmax(-1)).all()):
            return _words(left.nodes[a], ours[a], theirs[b], right.nodes[b].type)
    return None


def _words(node: Node[GraphOp, TensorType], left: IntArray, right: IntArray, type: TensorType) -> str:
    left, right = np.broadcast_arrays(left, right)
    where = tuple(int(i) for i in np.argwhere(left != right)[0])
    low, high = type.bounds()
    one, two = int(left[where]), int(right[where])
    outside = "" if low[where[1:]] <= one <= high[where[1:]] else " (overflow: it leaves the format)"
    share = float((left != right).mean())
    return (
        f"tensor '{node.name}' of layer '{node.origin.layer}', sample {where[0]}, element {where[1:]}:"
        f" {one} and {two}{outside}; {share:.2%} of its codes differ"
    )


def netlist_fault(netlist: Netlist) -> str | None:
    """What breaks the netlist's own rules (a register is missing, a range is wrong), in words with the layer."""
    try:
        netlists.check(netlist)
    except InvalidProgram as error:
        name = error.where.rpartition(".")[2]
        layer = next((f"layer '{n.origin.layer}', " for n in netlist.nodes if n.name == name), "")
        why = f" ({error.why})" if error.why else ""
        return f"pipelined netlist, {layer}word {error.where}: {error.what}{why}"
    return None


def diff_netlists(design: Compiled, codes: list[IntArray]) -> str | None:
    """The first word of the pipelined netlist that differs from the graph unrolled anew, with its layer."""
    golden = graphs.run(design.graph, codes)
    fresh = design.unrolled()
    for name, level in (("netlist", design.combinational), ("pipelined netlist", design.netlist)):
        if all((a == b).all() for a, b in zip(golden, netlists.run(level, codes), strict=True)):
            continue
        expected = dict(zip((n.name for n in fresh.nodes), netlists.trace(fresh, codes), strict=True))
        for node, values in zip(level.nodes, netlists.trace(level, codes), strict=True):
            if node.name in expected and (values != expected[node.name]).any():
                return f"{name}, {_word(node, expected[node.name], values)}"
        for index, (a, b) in enumerate(zip(golden, netlists.run(level, codes), strict=True)):
            if (a != b).any():
                return first_difference("graph", [a], f"{name}'s output {index}", [b], np.arange(len(a)))
    return None


def _word(node: Node[WordOp, Word], expected: IntArray, found: IntArray) -> str:
    expected, found = np.broadcast_arrays(np.atleast_1d(expected), np.atleast_1d(found))
    sample = int(np.flatnonzero(expected != found)[0])
    return (
        f"layer '{node.origin.layer}', word {node.name}, sample {sample}:"
        f" {int(expected[sample])} and {int(found[sample])}"
    )


def diff_files(design: Compiled, folder: Path) -> str | None:
    """The first file in a folder of `Design.write` that is not what the manifest says, or another design's."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        if manifest["graph"] != design.graph.digest():
            return f"{folder}: written from another design, graph {manifest['graph'][:16]}"
        for name, digest in sorted(manifest["files"].items()):
            file = inside(folder, name)
            if not file.exists():
                return f"{folder}: {name} is missing"
            if sha256(file.read_bytes()) != digest:
                return f"{folder}: {name} was changed after it had been written"
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StorageError(
            "no folder of a design", where=str(folder), why=str(error), remedy="name the folder that `write` made"
        ) from error
    return None
