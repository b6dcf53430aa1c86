"""The float reference executor: one rule per operator, numpy only."""

from bitwright.frontends.qonnx.execute import (  # their rules  # noqa: F401
    arithmetic,  # pyright: ignore[reportUnusedImport]
    linear,  # pyright: ignore[reportUnusedImport]
    pool,  # pyright: ignore[reportUnusedImport]
    quantize,  # pyright: ignore[reportUnusedImport]
    recurrent,  # pyright: ignore[reportUnusedImport]
    resize,  # pyright: ignore[reportUnusedImport]
    shape,  # pyright: ignore[reportUnusedImport]
)
from bitwright.frontends.qonnx.execute.executor import Executor, apply_node
from bitwright.frontends.qonnx.execute.table import Frame, compute

__all__ = ["Executor", "Frame", "apply_node", "compute"]
