"""Integer graphs out: QONNX, and ONNX's own pairs of quantizers."""

from bitwright.frontends.qonnx.write import maps, rules  # their rules  # noqa: F401  # pyright: ignore[reportUnusedImport]
from bitwright.frontends.qonnx.write.file import Dialect
from bitwright.frontends.qonnx.write.graph import model_of

__all__ = ["Dialect", "model_of"]
