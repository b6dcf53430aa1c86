"""`Model`: an ONNX file as our own frozen record of typed operators; nothing of the onnx package in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Model", "Node", "Operator", "Port"]

Array = NDArray[Any]


class Operator:
    """Base of the operators: frozen dataclasses of typed attributes; what they mean lives in rule tables."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One operator with the names of the tensors that it reads ("" where an optional one is left out) and yields.

    `kind`, `domain` and `version` are the file's words; `op` is what they mean, in its newest form.
    """

    name: str
    kind: str
    domain: str
    version: int
    op: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the model; a dimension of the shape is None where the file leaves it open."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: np.dtype[Any]


@dataclass(frozen=True, eq=False)
class Model:
    """Nodes in an order in which every input comes first, and the constants by name (arrays not to be written to).

    `inputs` are the live ones only: an initializer that the file also lists among its inputs is a constant.
    """

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    producer: str = ""
    opset: int = 0

    def producers(self) -> dict[str, Node]:
        """The node that yields each live tensor."""
        return {name: node for node in self.nodes for name in node.outputs if name}

    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each tensor."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                if name:
                    found.setdefault(name, []).append(node)
        return found
