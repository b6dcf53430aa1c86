"""`explain`: what becomes of each node of a model: supported, rewritten into what, or refused and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bitwright.core.errors import BitwrightError
from bitwright.frontends.grid.explained import BEHIND_REFUSED, Explained, Row, Status, function_of, listed, refusal
from bitwright.frontends.grid.walk import FLOAT_INPUT, InputFormat
from bitwright.frontends.qonnx.lower import reader_of, step_node
from bitwright.frontends.qonnx.lower.read import output_of
from bitwright.frontends.qonnx.lower.reader import Reader
from bitwright.frontends.qonnx.lower.values import Fixed, Live
from bitwright.frontends.qonnx.model import Model, Node

__all__ = ["Explained", "Row", "Status", "explain"]


def explain(model: Model, *, input_format: Any = None) -> Explained:
    """What becomes of each node of `model`; a refused node does not stop the others that do not read it."""
    reader = reader_of(model, input_format)
    folded = {name for name, value in reader.values.items() if isinstance(value, Fixed)}
    opening = _opening(model, reader) if input_format is None else []
    rows = [_row(node, reader, folded) for node in model.nodes]
    refusals, behind = _outputs(model, reader)
    return Explained(model.name, (*opening, *(_placed(row, behind) for row in rows), *refusals))


_ASSUMED = "s8.4"
_BEHIND = "behind the output, outside hardware: a table that keeps the order"


def _opening(model: Model, reader: Reader) -> list[Row]:
    """Inputs that need a format; the rest is explained as if they had one."""
    if reader.walk.input_format is not None:
        return []
    trial = reader_of(model)
    for node in model.nodes:
        try:
            if all(n in trial.values for n in node.inputs if n):
                step_node(node, trial)
        except BitwrightError as error:
            if FLOAT_INPUT in error.what:
                reader.walk.input_format = InputFormat.of(_ASSUMED)
                remedy = f"{error.remedy}; the rows below take {_ASSUMED}"
                return [Row(p.name, "input", Status.REFUSED, "", error.what, remedy) for p in model.inputs]
    return []


def _placed(row: Row, behind: frozenset[str]) -> Row:
    return replace(row, into=_BEHIND) if row.node in behind and row.status is Status.SUPPORTED else row


def _row(node: Node, reader: Reader, folded: set[str]) -> Row:
    if all(n in folded for n in node.outputs if n):
        quantizer = reader.values[node.outputs[0]]
        integers = isinstance(quantizer, Fixed) and quantizer.codes is not None
        return Row(node.name, node.kind, Status.REWRITTEN, "constant integers" if integers else "a constant")
    if any(n and n not in reader.values for n in node.inputs):
        return Row(node.name, node.kind, Status.UNREACHED, BEHIND_REFUSED)
    before = len(reader.walk.builder.nodes)
    try:
        step_node(node, reader)
    except BitwrightError as error:
        return refusal(node.name, node.kind, error)
    return Row(node.name, node.kind, *_became(node, reader, before))


def _became(node: Node, reader: Reader, before: int) -> tuple[Status, str]:
    new = reader.walk.builder.nodes[before:]
    made = [type(n.op).__name__ for n in new if n.origin.layer == node.name]
    value = reader.values[next(n for n in node.outputs if n)]
    if node.outputs[0] in reader.absorbed:
        return Status.REWRITTEN, "the bias of the sum before it"
    if isinstance(value, Fixed):
        return Status.REWRITTEN, "a constant"
    chain = value.lazy.chain
    if chain and chain[-1].layer == node.name:
        return Status.SUPPORTED, " + ".join([*filter(None, [listed(made)]), function_of(value.lazy)])
    if made:
        same = made[-1] == node.kind or (node.kind in ("MatMul", "Gemm") and "Dense" in made)
        return (Status.SUPPORTED if same else Status.REWRITTEN), listed(made)
    return Status.REWRITTEN, "another order of axes; nothing at run time"


def _outputs(model: Model, reader: Reader) -> tuple[list[Row], frozenset[str]]:
    """Outputs whose last functions lie on no grid, and the nodes that end up in a decoder."""
    found, behind = list[Row](), set[str]()
    for port in model.outputs:
        value = reader.values.get(port.name)
        if not isinstance(value, Live):
            continue
        try:
            _, decoder = output_of(reader, value, None, port.name)
            if decoder.table:
                behind.update(piece.layer for piece in value.lazy.chain)
        except BitwrightError as error:
            found.append(refusal(port.name, "output", error))
    return found, frozenset(behind)
