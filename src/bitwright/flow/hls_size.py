"""How large HLS C++ becomes, before it is written: what no compiler would finish is refused with what would fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.flow.compiled import Compiled
from bitwright.ir.dataflow import Dataflow, Execute, tail_of
from bitwright.ir.dataflow.ops import Cell, MatVec
from bitwright.ir.engine import Engine
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, MatMul
from bitwright.ir.netlist import Netlist

__all__ = ["MOST_CONSTANTS", "MOST_STATEMENTS", "HlsSize", "check_size", "predicted_size"]

MOST_STATEMENTS = 200_000
"""Straight-line statements: HLS compilers take hours from about a tenth of this on."""
MOST_CONSTANTS = 4_000_000
"""Codes of weights in headers: as many as were compiled and run (2.9 million: 0.4 GB and 8 s of g++). What the vendors'
synthesis makes of more, which sees them in exact types, is not known here.
"""


@dataclass(frozen=True)
class HlsSize:
    """Statements of straight-line code and codes of weights, and the layer with the most of both."""

    statements: int
    constants: int
    layer: str


def predicted_size(design: Compiled, strategy: str = "latency") -> HlsSize:
    """What `hls_files` would write, without unrolling anything: by the graph, or by the program of a folded design.

    An unrolled product counts as one statement, since sums are shared: that is within a factor of two or so.
    """
    program: Any = getattr(design, "program", None)
    if isinstance(program, Dataflow):
        return _of_actors(program)
    if isinstance(program, Engine):
        return HlsSize(*_of_engine(program), "the engine")
    rows = [(_products(design.graph, i), _weights(design.graph, i)) for i in range(len(design.graph))]
    layer = max(zip(rows, design.graph.nodes, strict=True), key=lambda pair: pair[0], default=((0, 0), None))[1]
    name = "" if layer is None else layer.origin.layer or layer.name
    if strategy == "resource":
        return HlsSize(20 * len(rows), sum(weights for _, weights in rows), name)
    return HlsSize(sum(products for products, _ in rows), 0, name)


def _products(graph: Graph, position: int) -> int:
    node = graph.nodes[position]
    if isinstance(node.op, Dense | Conv | ConvTranspose):
        weights = node.op.weights.array
        return int(np.count_nonzero(weights)) * max(node.type.size // max(weights.shape[-1], 1), 1)
    inner = graph.nodes[node.args[0]].type.shape[-1] if isinstance(node.op, MatMul) else 1
    return node.type.size * inner


def _weights(graph: Graph, position: int) -> int:
    op = graph.nodes[position].op
    return op.weights.array.size if isinstance(op, Dense | Conv | ConvTranspose) else 0


def _of_actors(program: Dataflow) -> HlsSize:
    found: list[tuple[int, int, str]] = []
    for node in program.nodes:
        if isinstance(node.op, Execute):
            found.append((*_of_engine(node.op.program), node.name))
            continue
        held = [tail_of(node.op), *(getattr(node.op, part, None) for part in ("dot", "kernel", "step"))]
        weights = node.op.weights.array.size if isinstance(node.op, MatVec | Cell) else 0
        statements = sum(_nodes(netlist) for netlist in held if isinstance(netlist, Netlist))
        found.append((statements, weights, node.origin.layer or node.name))
    name = max(found, default=(0, 0, ""))[2]
    return HlsSize(sum(f[0] for f in found), sum(f[1] for f in found), name)


def _of_engine(program: Engine) -> tuple[int, int]:
    size = program.weights.array.size + program.parameters.array.size
    return _nodes(program.machine.dot) + _nodes(program.machine.post), size


def _nodes(netlist: Netlist) -> int:
    return len(netlist.nodes)


def check_size(design: Compiled, strategy: str = "latency") -> HlsSize:
    """The predicted size; raises `Unsupported` where compilers would not come to an end with it."""
    found = predicted_size(design, strategy)
    folded = getattr(design, "program", None) is not None
    if found.statements > MOST_STATEMENTS:
        raise Unsupported(
            f"HLS C++ of about {found.statements:,} statements", where=f"{design.name}, most in {found.layer}",
            why=f"HLS compilers do not finish with that; the limit is {MOST_STATEMENTS:,}",
            remedy="fold it further (target_fps, folding)" if folded
            else "Hls(strategy='resource', reuse_factor=...) writes loops; architecture='dataflow' or 'engine' folds",
        )  # fmt: skip
    if found.constants > MOST_CONSTANTS:
        raise Unsupported(
            f"{found.constants:,} weights in headers", where=f"{design.name}, most in {found.layer}",
            why=f"they would all lie on the chip, and no more were ever compiled; the limit is {MOST_CONSTANTS:,}",
            remedy="architecture='engine' with engine_memory reads weights from external memory in Verilog",
        )  # fmt: skip
    return found
