"""Runs in the Python that has qonnx: models and inputs in, its executor's outputs beside them.

Usage: qonnx_runs.py FOLDER; for each NAME.onnx there, x0.. of NAME.npz one sample at a time, y0.. to NAME_out.npz.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> None:
    """Every model of `folder`."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    for path in sorted(folder.glob("*.onnx")):
        model = ModelWrapper(str(path)).transform(InferShapes())
        inputs, outputs = ([port.name for port in side] for side in (model.graph.input, model.graph.output))
        given = np.load(path.with_suffix(".npz"))
        count = len(given["x0"])
        found = [
            execute_onnx(model, {name: given[f"x{i}"][s : s + 1] for i, name in enumerate(inputs)})
            for s in range(count)
        ]
        np.savez(
            path.with_name(f"{path.stem}_out.npz"),
            **{f"y{i}": np.concatenate([one[name] for one in found]) for i, name in enumerate(outputs)},
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
