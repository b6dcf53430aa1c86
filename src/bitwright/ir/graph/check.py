"""What every graph must satisfy; a pass that breaks one of these is a bug."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import BitwrightError, InvalidProgram
from bitwright.ir.graph.graph import Graph
from bitwright.ir.graph.infer import bounds
from bitwright.ir.graph.ops import Input

__all__ = ["check"]


def check(program: Graph) -> Graph:
    """`program` itself, or `InvalidProgram` naming the node.

    Names are unique, arguments come first, shapes fit, and the stored range holds the inferred one
    (it may be wider only where a pass has not narrowed it yet).
    """
    seen: set[str] = set()
    for position, node in enumerate(program.nodes):
        where = f"{program.name}.{node.name}"
        if node.name in seen or any(not 0 <= a < position for a in node.args):
            raise InvalidProgram("its name is taken or an argument comes later", where=where)
        seen.add(node.name)
        if isinstance(node.op, Input):
            continue
        try:
            low, high = bounds(node.op, [program.nodes[a].type for a in node.args])
            shape = np.broadcast_shapes(low.shape, high.shape)
        except BitwrightError:
            raise
        except (ValueError, IndexError) as error:
            raise InvalidProgram("its arguments do not fit", where=where, why=str(error)) from error
        if shape != node.type.shape:
            raise InvalidProgram(f"shape {node.type.shape} is not {shape}", where=where)
        if (low < node.type.low.array).any() or (high > node.type.high.array).any():
            raise InvalidProgram("its values leave the stored range", where=where)
    if any(not 0 <= o < len(program.nodes) for o in program.outputs):
        raise InvalidProgram("an output names no node", where=program.name)
    return program
