"""`File`: an ONNX model while it is written: nodes, constants, and fresh names; nothing of a graph in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from bitwright.core.errors import ToolMissing
from bitwright.frontends.qonnx.model import Array

__all__ = ["Dialect", "File", "Packed"]

_PLAIN, _WIDE = (17, 8), (21, 10)
"""(opset, version of the file format): the newer one only where quantizers to 16 bits need it."""

_QONNX = "qonnx.custom_op.general"
_KINDS = {"int8": 3, "uint8": 2, "int16": 5, "uint16": 4, "int32": 6}


class Dialect(Enum):
    """How quantizers are written: as Quant, BipolarQuant and MultiThreshold, or as ONNX's own pairs."""

    QONNX = "qonnx"
    QDQ = "qdq"

    @property
    def batch(self) -> int | None:
        """The first axis of inputs and outputs; tools for QONNX want a number."""
        return 1 if self is Dialect.QONNX else None


@dataclass(frozen=True, slots=True)
class Packed:
    """Integers of one of ONNX's types, by its name."""

    values: Array
    kind: str


@dataclass
class File:
    """Collects an ONNX model; every method that adds a node returns the name of what it yields."""

    dialect: Dialect
    nodes: list[tuple[str, list[str], str, str, str, dict[str, Any]]] = field(
        default_factory=list[tuple[str, list[str], str, str, str, dict[str, Any]]]
    )
    constants: dict[str, Array | Packed] = field(default_factory=dict[str, "Array | Packed"])
    taken: set[str] = field(default_factory=set[str])

    def fresh(self, wanted: str) -> str:
        """`wanted`, or with a number behind it where that is taken."""
        name, count = wanted, 1
        while name in self.taken:
            count += 1
            name = f"{wanted}_{count}"
        self.taken.add(name)
        return name

    def hold(self, values: Any, layer: str, what: str, dtype: Any = np.float32) -> str:
        """The name of a new constant."""
        name = self.fresh(f"{layer}/{what}")
        self.constants[name] = values if isinstance(values, Packed) else np.asarray(values, dtype=dtype)
        return name

    def node(self, kind: str, inputs: Sequence[str], layer: str, **told: Any) -> str:
        """A node of `layer`."""
        return self._added(kind, inputs, layer, "", told)

    def quantizer(self, kind: str, inputs: Sequence[str], layer: str, **told: Any) -> str:
        """A node of QONNX."""
        return self._added(kind, inputs, layer, _QONNX, told)

    def _added(self, kind: str, inputs: Sequence[str], layer: str, domain: str, told: dict[str, Any]) -> str:
        name = self.fresh(f"{layer}/{kind}")
        self.nodes.append((kind, list(inputs), name, name, domain, told))
        return name

    def model(
        self, name: str, inputs: Sequence[tuple[str, tuple[int, ...]]], outputs: Sequence[tuple[str, tuple[int, ...]]]
    ) -> Any:
        """The ModelProto; shapes without the batch. Raises `ToolMissing` without the onnx package."""
        helper = _onnx(name).helper
        nodes = [
            helper.make_node(kind, args, [target], name=label, domain=domain, **told)
            for kind, args, target, label, domain, told in self.nodes
        ]
        batch = self.dialect.batch or "batch"
        ports = [[helper.make_tensor_value_info(n, 1, [batch, *s]) for n, s in side] for side in (inputs, outputs)]
        held = [self._tensor(label, value, helper) for label, value in self.constants.items()]
        graph = helper.make_graph(nodes, name, *ports, held)
        wide = any(isinstance(v, Packed) and v.kind.endswith("16") for v in self.constants.values())
        opset, version = _WIDE if wide else _PLAIN
        versions = [helper.make_opsetid("", opset)]
        if any(n[4] for n in self.nodes):
            versions.append(helper.make_opsetid(_QONNX, 1))
        return helper.make_model(graph, opset_imports=versions, ir_version=version, producer_name="bitwright")

    def _tensor(self, name: str, value: Array | Packed, helper: Any) -> Any:
        if isinstance(value, Packed):
            return helper.make_tensor(name, _KINDS[value.kind], value.values.shape, value.values.ravel().tolist())
        return _onnx(name).numpy_helper.from_array(value, name)


def _onnx(name: str) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ToolMissing(
            "the onnx package is not installed", where=name, remedy="pip install 'bitwright[onnx]'"
        ) from error
    return onnx
