"""QONNX, Brevitas and FINN models: read, executed in float, and lowered to the integer graph."""

from bitwright.frontends.qonnx.execute import Executor
from bitwright.frontends.qonnx.explain import Explained, Row, Status, explain
from bitwright.frontends.qonnx.lower import Truth, read_model
from bitwright.frontends.qonnx.lower.recurrent import with_states
from bitwright.frontends.qonnx.model import Model, Node, Port
from bitwright.frontends.qonnx.read import parse_model, read_file

__all__ = [
    "Executor", "Explained", "Model", "Node", "Port", "Row", "Status", "Truth", "explain", "parse_model", "read_file",
    "read_model", "with_states",
]  # fmt: skip
