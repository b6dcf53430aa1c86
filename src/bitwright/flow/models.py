"""Model files in: Keras 3's own, those of QKeras, Keras 2 and HGQ, ONNX and TFLite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitwright.core.errors import StorageError, Unsupported

__all__ = ["Imported", "import_model", "load_model"]


@dataclass(frozen=True)
class Imported:
    """What an import gave: the model, the file that was written, and how many layers and weights it has."""

    model: Any
    path: Path
    layers: int
    weights: int


def load_model(
    path: str | Path, weights: str | Path | None = None, custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """The Keras model in a file: `.keras`, or of QKeras or Keras 2 `.h5`, or `.json` with an `.h5` of weights.

    Files of HGQ2 and HGQ-LUT are `.keras`, proxies of HGQ 1 `.h5`. An `.onnx` file (QONNX, Brevitas, FINN) gives a
    `bitwright.frontends.qonnx.Model`, a `.tflite` file a `tflite.Model`, which `compile` takes as well.
    See `bitwright.frontends.qkeras.read_qkeras` for weights and custom_objects. No code of the file
    is run. Raises InvalidModel or Unsupported naming the file, the layer and the way out.
    """
    if Path(path).suffix.lower() == ".onnx":
        from bitwright.frontends.qonnx import read_file

        return read_file(path)
    if Path(path).suffix.lower() == ".tflite":
        from bitwright.frontends import tflite

        return tflite.read_file(path)
    from bitwright.frontends import hgq, keras, qkeras

    if hgq.is_hgq(path):
        return hgq.read_hgq(path)
    if weights is not None or custom_objects or qkeras.is_foreign(path):
        return qkeras.read_qkeras(path, weights, custom_objects)
    return keras.load_model(path)


def import_model(
    path: str | Path,
    out: str | Path,
    weights: str | Path | None = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> Imported:
    """Read a model file of any kind and save it as a `.keras` file that names only Keras and bitwright."""
    if Path(path).suffix.lower() == ".onnx":
        raise Unsupported(
            "an ONNX model is no Keras model", where=str(path), why="its operators become integers directly",
            remedy="compile it as it is: bw.compile('model.onnx'); bitwright import --explain tells what becomes of it",
        )  # fmt: skip
    if Path(path).suffix.lower() == ".tflite":
        raise Unsupported(
            "a TFLite model is no Keras model", where=str(path), why="its operators become integers directly",
            remedy="compile it as it is: bw.compile('model.tflite')",
        )  # fmt: skip
    target = Path(out)
    if target.suffix != ".keras":
        raise StorageError(
            f"a model file ending in {target.suffix!r}", where=str(target), remedy="name it model.keras"
        )
    model = load_model(path, weights, custom_objects)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        model.save(target)
    except OSError as error:
        raise StorageError(
            "cannot be written", where=str(target), why=str(error), remedy="name another output file"
        ) from error
    return Imported(model, target, len(model.layers), model.count_params())
