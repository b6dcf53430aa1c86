"""Brevitas's quantized LSTM, written out: for each time step the operators and quantizers that it stands for.

Source: the inputs and attributes of QuantLSTMCell as Brevitas's exporter writes them; the equations are those of the
LSTM with a quantizer behind every sum, function and product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.functions import Pointwise, Two
from bitwright.frontends.qonnx.model import Array, Node, Operator

__all__ = ["QUANTIZERS", "TENSORS", "Expanded", "expanded"]

TENSORS = 15
"""How many inputs come before the quantizers: x, h, c, four kernels, four recurrent ones, four biases (i f c o)."""
QUANTIZERS = (
    "output", "cell_state", "input_acc", "forget_acc", "cell_acc", "output_acc", "input_sigmoid", "forget_sigmoid",
    "cell_tanh", "output_sigmoid", "hidden_state_tanh",
)  # fmt: skip
"""In the order of the file: each is told by three inputs, scale, zero point and bits."""
_MOST_STEPS = 1 << 12
_GATES = ("input", "forget", "cell", "output")


@dataclass
class Expanded:
    """Nodes in an order in which they run, and the constants that they need beyond those of the model."""

    node: Node
    nodes: list[Node] = field(default_factory=list[Node])
    constants: dict[str, Array] = field(default_factory=dict[str, Array])

    def put(self, kind: str, op: Operator, *inputs: str, output: str = "") -> str:
        """One more node; returns the name of what it yields. `kind`: the word of the file format."""
        name = output or f"{self.node.name}//{len(self.nodes)}"
        version = self.node.version
        self.nodes.append(Node(self.node.name, kind, self.node.domain, version, op, inputs, (name,)))
        return name

    def hold(self, values: Any, dtype: Any) -> str:
        """The name of a constant."""
        name = f"{self.node.name}//c{len(self.constants)}"
        self.constants[name] = np.asarray(values, dtype)
        return name

    def quantized(self, name: str, which: str) -> str:
        """A tensor behind one of the cell's quantizers."""
        place = QUANTIZERS.index(which)
        told = self.node.inputs[TENSORS + 3 * place : TENSORS + 3 * place + 3]
        op = self.node.op
        assert isinstance(op, o.QuantLSTM)
        return self.put("Quant", op.quantizers[place], name, *told)

    def two(self, function: Two, a: str, b: str) -> str:
        """A sum or a product."""
        return self.put(function.value, o.Binary(function), a, b)

    def counts(self) -> Iterator[tuple[str, int]]:
        """How many of these nodes read each tensor."""
        names = [n for node in self.nodes for n in node.inputs if n]
        yield from ((n, names.count(n)) for n in dict.fromkeys(names))


def expanded(node: Node, steps: int) -> Expanded:
    """The cell over `steps` time steps; the outputs have the names of the node's."""
    if not 0 < steps <= _MOST_STEPS:
        raise Unsupported(f"a sequence of {steps} steps", remedy=f"give it 1 to {_MOST_STEPS} steps")
    op, found = node.op, Expanded(node)
    assert isinstance(op, o.QuantLSTM)
    x, h, c = node.inputs[:3]
    matrices = [found.put("Transpose", o.Transpose((1, 0)), name) for name in node.inputs[3:11]]
    axis = 1 if op.batch_first else 0
    order = range(steps)[::-1] if op.reverse else range(steps)
    rows: list[str] = [""] * steps
    for time in order:
        row = found.put("Gather", o.Gather(axis), x, found.hold(time, np.int64))
        h, c = _step(found, row, h, c, matrices, op.coupled)
        rows[time] = found.put("Unsqueeze", o.Unsqueeze(), h, found.hold([axis], np.int64))
    ends = [*node.outputs, "", ""]
    if ends[0]:
        found.put("Concat", o.Concat(axis), *rows, output=ends[0])
    for name, state in zip(ends[1:3], (h, c), strict=True):
        if name:
            found.put("Identity", o.Unary(Pointwise.IDENTITY), state, output=name)
    return found


def _step(found: Expanded, x: str, h: str, c: str, matrices: list[str], coupled: bool) -> tuple[str, str]:
    """(h, c) behind one step."""
    gates = {gate: "" for gate in _GATES}
    for number, gate in enumerate(_GATES):
        if gate == "forget" and coupled:
            one = found.quantized(found.hold([1], np.float32), "input_sigmoid")
            # The quantizer changes no code: it only takes away the rounding of the difference.
            gates[gate] = found.quantized(found.two(Two.SUB, one, gates["input"]), "input_sigmoid")
            continue
        mine = found.put("MatMul", o.MatMul(), x, matrices[number])
        past = found.put("MatMul", o.MatMul(), h, matrices[4 + number])
        total = found.two(Two.ADD, found.two(Two.ADD, mine, past), found.node.inputs[11 + number])
        function = Pointwise.TANH if gate == "cell" else Pointwise.SIGMOID
        bent = found.put(function.value, o.Unary(function), found.quantized(total, f"{gate}_acc"))
        gates[gate] = found.quantized(bent, "cell_tanh" if gate == "cell" else f"{gate}_sigmoid")
    kept = found.quantized(found.two(Two.MUL, gates["forget"], c), "cell_state")
    new = found.quantized(found.two(Two.MUL, gates["input"], gates["cell"]), "cell_state")
    c = found.quantized(found.two(Two.ADD, kept, new), "cell_state")
    bent = found.quantized(found.put("Tanh", o.Unary(Pointwise.TANH), c), "hidden_state_tanh")
    return found.quantized(found.two(Two.MUL, gates["output"], bent), "output"), c
