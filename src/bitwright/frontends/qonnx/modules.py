"""Brevitas modules of PyTorch, through Brevitas's own QONNX exporter."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bitwright.core.errors import InvalidModel, ToolMissing, Unsupported
from bitwright.core.naming import identifier
from bitwright.frontends.qonnx.model import Model
from bitwright.frontends.qonnx.read import read_file

__all__ = ["read_module"]

_NEEDED = "pip install brevitas onnxoptimizer onnxscript"


def read_module(module: Any, example: Any, name: str = "") -> Model:
    """What Brevitas exports for `module` when it is called with `example`, a tensor or a tuple of tensors.

    The module is exported as it acts at inference and left as it was. Raises `Unsupported` for what is no Brevitas
    module, `ToolMissing` where its exporter is not installed, `InvalidModel` where the exporter fails.
    """
    label = identifier(name or type(module).__name__)
    _refuse_others(module, label)
    export = _exporter(label)
    with TemporaryDirectory() as folder, _at_inference(module):
        path = Path(folder) / f"{label}.onnx"
        try:
            with redirect_stdout(StringIO()):
                export(module, args=example if isinstance(example, tuple) else (example,), export_path=str(path))
        except ModuleNotFoundError as error:
            what = "Brevitas's exporter lacks a package"
            raise ToolMissing(what, where=label, why=str(error), remedy=_NEEDED) from error
        except Exception as error:  # whatever torch and Brevitas raise
            raise InvalidModel(
                "Brevitas does not export it", where=label, why=str(error).strip().split("\n")[0],
                remedy="call the module with the example first; then brevitas.export.export_qonnx on its parts",
            ) from error  # fmt: skip
        return replace(read_file(path), name=label)


def _refuse_others(module: Any, label: str) -> None:
    """Floats have no integers: a module must hold quantizers."""
    parts = list(module.modules()) if callable(getattr(module, "modules", None)) else []
    if not parts:
        raise Unsupported("no PyTorch module", where=label, remedy="give a torch.nn.Module built from brevitas.nn")
    if not any(type(part).__module__.split(".")[0] == "brevitas" for part in parts):
        raise Unsupported(
            "a module without Brevitas quantizers", where=label, why="its floats have no integers",
            remedy="build it from brevitas.nn; or export it with torch.onnx.export, quantize the file with"
            " onnxruntime.quantization.quantize_static (QuantFormat.QDQ) and give bw.compile its path",
        )  # fmt: skip


def _exporter(label: str) -> Any:
    try:
        from brevitas.export import export_qonnx  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    except ImportError as error:
        raise ToolMissing("Brevitas is not installed", where=label, why=str(error), remedy=_NEEDED) from error
    return export_qonnx  # pyright: ignore[reportUnknownVariableType]


@contextmanager
def _at_inference(module: Any) -> Generator[None]:
    """Every part at inference, and afterwards as it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
