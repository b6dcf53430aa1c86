"""The integers of a design: for npz files, C headers and whoever wants to look."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.files import write_atomic
from bitwright.core.naming import identifier
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, Map
from bitwright.numeric import Ints

__all__ = ["c_header", "integers", "save_npz"]


def integers(graph: Graph) -> dict[str, NDArray[Any]]:
    """Arrays by "layer.what": weights, bias, accumulator_low/high, map parameters, step_numerator/denominator."""
    found: dict[str, NDArray[Any]] = {}
    for node in graph.nodes:
        if isinstance(node.op, Dense | Conv | ConvTranspose):
            found[f"{node.name}.weights"] = node.op.weights.array
            found[f"{node.name}.bias"] = node.op.bias.array
            found[f"{node.name}.accumulator_low"] = node.type.low.array
            found[f"{node.name}.accumulator_high"] = node.type.high.array
        elif isinstance(node.op, Map):
            form = node.op.form
            for item in fields(form):
                value = getattr(form, item.name)
                if isinstance(value, Ints):
                    found[f"{node.name}.{item.name}"] = value.array
            found[f"{node.name}.rows"] = node.op.rows.array
        else:
            continue
        steps = node.type.step.array
        found[f"{node.name}.step"] = np.vectorize(float, otypes=[np.float64])(steps)
    return found


def save_npz(graph: Graph, path: Path) -> Path:
    """All integers in one compressed npz file (written atomically)."""
    from io import BytesIO

    buffer = BytesIO()
    np.savez_compressed(buffer, **integers(graph))  # pyright: ignore[reportArgumentType]
    return write_atomic(path, buffer.getvalue())


def c_header(graph: Graph) -> str:
    """The same as a C header: `static const` arrays of the narrowest integer type, sizes in brackets."""
    guard = f"BITWRIGHT_{identifier(graph.name).upper()}_H"
    lines = [f"/* Integers of {graph.name}, content hash {graph.digest()[:16]}. */", f"#ifndef {guard}"]
    lines += [f"#define {guard}", "#include <stdint.h>", ""]
    for name, values in integers(graph).items():
        kind = "double" if values.dtype.kind == "f" else _c_type(values)
        sizes = "".join(f"[{n}]" for n in values.shape)
        lines.append(f"static const {kind} {identifier(name.replace('.', '_'))}{sizes} = {_initializer(values)};")
    return "\n".join([*lines, "", f"#endif /* {guard} */", ""])


def _c_type(values: NDArray[Any]) -> str:
    for bits in (8, 16, 32):
        if values.size == 0 or (values.min() >= -(1 << (bits - 1)) and values.max() < 1 << (bits - 1)):
            return f"int{bits}_t"
    return "int64_t"


def _initializer(values: NDArray[Any]) -> str:
    if values.ndim == 0:
        return repr(values.item())
    return "{" + ", ".join(_initializer(v) for v in values) + "}"
