"""Runs in the Python that has qonnx: a model and inputs in, its executor's outputs and CPU seconds out.

Usage: _qonnx_executor.py MODEL.onnx INPUTS.npy OUTPUTS.npz BATCH. The executor takes a batch at a time: the model's own
(1), or another one that qonnx's transformation writes into the file's shapes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np


def main(model_path: Path, inputs: Path, outputs: Path, batch: int) -> None:
    """All inputs, `batch` at a time; the last, shorter batch is filled up with the first input."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.change_batchsize import ChangeBatchSize
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(str(model_path)))
    if batch > 1:
        model = model.transform(ChangeBatchSize(batch)).transform(InferShapes())
    source, sink = model.graph.input[0].name, model.graph.output[0].name
    x = np.load(inputs)
    found, start = [], time.process_time()
    for place in range(0, len(x), batch):
        part = x[place : place + batch]
        filled = np.concatenate([part, np.repeat(x[:1], batch - len(part), axis=0)])
        found.append(execute_onnx(model, {source: filled})[sink][: len(part)])
    np.savez(outputs, y=np.concatenate(found), seconds=time.process_time() - start)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
