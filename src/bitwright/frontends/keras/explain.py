"""`explain`: what becomes of each layer of a Keras model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from bitwright.core.errors import BitwrightError
from bitwright.frontends.grid.explained import BEHIND_REFUSED, Explained, Row, Status, function_of, listed, refusal
from bitwright.frontends.grid.walk import FLOAT_INPUT, InputFormat, Lazy, Walk
from bitwright.frontends.keras import read as reading

__all__ = ["explain"]

_ASSUMED = "s8.4"


def explain(model: Any, *, input_format: Any = None) -> Explained:
    """What becomes of each layer; a refused one does not stop the others that do not read what it yields.

    Where an input has no quantizer and no `input_format` is told, the rows behind it take one and say so.
    """
    name = str(getattr(model, "name", "model"))
    try:
        functional = reading.functional_of(model)
        walk, sources = reading.walk_of(functional, input_format)
    except BitwrightError as error:
        return Explained(name, (refusal(name, type(model).__name__, error),))
    told = _Telling(walk, [str(t.name) for t in functional.inputs])
    outputs = told.model(functional, sources)
    for lazy, label in zip(outputs, reading.output_names(functional), strict=True):
        told.output(lazy, label)
    return Explained(name, tuple(told.rows))


@dataclass
class _Telling:
    """The walk, and the rows so far."""

    walk: Walk
    inputs: list[str]
    rows: list[Row] = field(default_factory=list[Row])

    def model(self, functional: Any, sources: Sequence[Lazy | None]) -> list[Lazy | None]:
        """The rows of a functional model, those of nested ones in their place; its outputs, None behind a refusal."""
        given = [Lazy((0,), None) if s is None else s for s in sources]
        known, readers = reading.opened(functional, given)
        for tensor, source in zip(functional.inputs, sources, strict=True):
            if source is None:
                del known[id(tensor)]
        for node in reading.nodes_of(functional):
            if not node.is_input:
                self.call(node, known, readers)
        return [known.get(id(t)) for t in functional.outputs]

    def call(self, node: Any, known: dict[int, Lazy], readers: dict[int, int]) -> None:
        """The row of one call of a layer."""
        layer, tensors = node.operation, node.arguments.keras_tensors
        if isinstance(layer, keras.Model):
            inner = self.model(reading.functional_of(layer), [known.get(id(t)) for t in tensors])
            found = zip(node.output_tensors, inner, strict=True)
            known.update((id(t), lazy) for t, lazy in found if lazy is not None)
            return
        name, kind = str(layer.name), type(layer).__name__
        if any(id(t) not in known for t in tensors):
            self.rows.append(Row(name, kind, Status.UNREACHED, BEHIND_REFUSED))
            return
        before = len(self.walk.builder.nodes)
        try:
            if isinstance(layer, keras.Layer):
                reading.check_layer(layer)
            outputs = self.read(node, known, readers)
        except BitwrightError as error:
            self.rows.append(refusal(name, kind, error))
            return
        made = [type(n.op).__name__ for n in self.walk.builder.nodes[before:] if n.origin.layer == name]
        self.rows.append(Row(name, kind, *_became(name, kind, made, outputs[0])))

    def read(self, node: Any, known: dict[int, Lazy], readers: dict[int, int]) -> list[Lazy]:
        """The outputs of a call; the first that meets a float input is read again with an assumed format."""
        try:
            return reading.read_node(node, self.walk, known, readers, {})
        except BitwrightError as error:
            if FLOAT_INPUT not in error.what or self.walk.input_format is not None:
                raise
            self.walk.input_format = InputFormat.of(_ASSUMED)
            remedy = f"{error.remedy}; the rows below take {_ASSUMED}"
            self.rows += [Row(i, "input", Status.REFUSED, "", error.what, remedy) for i in self.inputs]
            return reading.read_node(node, self.walk, known, readers, {})

    def output(self, lazy: Lazy | None, label: str) -> None:
        """The row of an output that lies on no grid."""
        if lazy is None:
            return
        try:
            self.walk.output(lazy, None, label)
        except BitwrightError as error:
            self.rows.append(refusal(label, "output", error))


def _became(name: str, kind: str, made: list[str], lazy: Lazy) -> tuple[Status, str]:
    if lazy.chain and lazy.chain[-1].layer == name:
        return Status.SUPPORTED, " + ".join(filter(None, [listed(made), function_of(lazy)]))
    if not made:
        return Status.REWRITTEN, "nothing at run time"
    return (Status.SUPPORTED if any(m in kind for m in made) else Status.REWRITTEN), listed(made)
