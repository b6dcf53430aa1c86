"""From operators to the integer graph: streamlining that ends in integers, or says why not."""

from bitwright.frontends.qonnx.lower import (  # their rules  # noqa: F401
    choose,  # pyright: ignore[reportUnusedImport]
    integers,  # pyright: ignore[reportUnusedImport]
    linear,  # pyright: ignore[reportUnusedImport]
    merge,  # pyright: ignore[reportUnusedImport]
    pointwise,  # pyright: ignore[reportUnusedImport]
    pool,  # pyright: ignore[reportUnusedImport]
    recurrent,  # pyright: ignore[reportUnusedImport]
    shape,  # pyright: ignore[reportUnusedImport]
)
from bitwright.frontends.qonnx.lower.read import Truth, read_model, reader_of, step_node

__all__ = ["Truth", "read_model", "reader_of", "step_node"]
