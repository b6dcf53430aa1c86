"""`explain`: what becomes of each operator of a TFLite model."""

from __future__ import annotations

from bitwright.core.errors import BitwrightError
from bitwright.frontends.grid.explained import BEHIND_REFUSED, Explained, Row, Status, listed, refusal
from bitwright.frontends.tflite.lower import TfliteWalk, guarded, read_operator, tells_shapes
from bitwright.frontends.tflite.model import Model, Operator
from bitwright.ir.interface import Head

__all__ = ["explain"]


def explain(model: Model) -> Explained:
    """What becomes of each operator; a refused one does not stop the others that do not read what it yields."""
    try:
        with guarded(model.name):
            walk = TfliteWalk(model)
    except BitwrightError as error:
        inputs = [refusal(model.tensors[n].name, "input", error) for n in model.inputs[:1]]
        behind = [Row(o.name, o.kind, Status.UNREACHED, BEHIND_REFUSED) for o in model.operators]
        return Explained(model.name, (*inputs, *behind))
    return Explained(model.name, tuple(_row(walk, operator) for operator in model.operators))


def _row(walk: TfliteWalk, operator: Operator) -> Row:
    name, kind = operator.name, operator.kind
    try:
        with guarded(name):
            if tells_shapes(walk.model, operator):
                return Row(name, kind, Status.REWRITTEN, "the shape that the file tells")
            if not _reached(walk, operator):
                return Row(name, kind, Status.UNREACHED, BEHIND_REFUSED)
            before = len(walk.builder.nodes)
            read_operator(walk, operator)
    except BitwrightError as error:
        return refusal(name, kind, error)
    if walk.known[operator.outputs[0]][1] is not Head.NONE:
        return Row(name, kind, Status.SUPPORTED, "a float head outside hardware")
    made = [type(n.op).__name__ for n in walk.builder.nodes[before:]]
    return Row(name, kind, Status.SUPPORTED, listed(made) or "nothing at run time")


def _reached(walk: TfliteWalk, operator: Operator) -> bool:
    """Whether all live tensors that it reads are known: the others are constants or shapes."""
    tensors, yielded = walk.model.tensors, {n for o in walk.model.operators for n in o.outputs}
    shapes = {n for o in walk.model.operators if tells_shapes(walk.model, o) for n in o.outputs}
    live = [n for n in operator.inputs if n in yielded - shapes and tensors[n].data is None]
    return all(n in walk.known for n in live)
