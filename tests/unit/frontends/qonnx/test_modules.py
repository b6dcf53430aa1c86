"""Brevitas modules: with Brevitas where it is installed; else its exporter is played, and so is what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.onnx_models import model, onnx, quant

import bitwright as bw
from bitwright.core.errors import InvalidModel, ToolMissing, Unsupported

torch = pytest.importorskip("torch")
F = np.float32


def played(monkeypatch: pytest.MonkeyPatch, export: Any) -> Any:
    """A module that says it is Brevitas's, and `export` as Brevitas's exporter."""
    package, exporter = ModuleType("brevitas"), ModuleType("brevitas.export")
    exporter.__dict__["export_qonnx"] = export
    monkeypatch.setitem(sys.modules, "brevitas", package)
    monkeypatch.setitem(sys.modules, "brevitas.export", exporter)
    kind = type("Fake Identity", (torch.nn.Identity,), {"__module__": "brevitas.nn.fake"})
    return torch.nn.Sequential(kind(), torch.nn.Dropout())


def test_a_module_is_exported_at_inference_and_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def export(module: Any, args: Any, export_path: str) -> None:
        seen.extend([module.training, len(args), Path(export_path).suffix])
        nodes = [quant("x", "y", "s", "b")]
        onnx.save(model(nodes, {"x": (1, 3)}, constants={"s": F(0.25), "b": F(4)}), export_path)

    net = played(monkeypatch, export)
    net[0].eval()
    found = bw.from_torch(net, torch.zeros(1, 3), name="my net")
    assert seen == [False, 1, ".onnx"]
    assert [part.training for part in net.modules()] == [True, False, True]
    assert found.name == "my_net"
    assert bw.compile(found).predict(np.array([[0.3, -9, 9]], F)).tolist() == [[0.25, -2, 1.75]]


def test_what_the_exporter_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def export(*_: Any, **__: Any) -> None:
        raise RuntimeError("no rule for Foo\nlong trace")

    with pytest.raises(InvalidModel, match="no rule for Foo"):
        bw.from_torch(played(monkeypatch, export), torch.zeros(1, 3))

    def missing(*_: Any, **__: Any) -> None:
        raise ModuleNotFoundError("onnxoptimizer is required")

    with pytest.raises(ToolMissing, match="onnxoptimizer") as caught:
        bw.from_torch(played(monkeypatch, missing), torch.zeros(1, 3))
    assert "pip install" in caught.value.remedy


def test_float_modules_are_refused_with_the_way_out() -> None:
    with pytest.raises(Unsupported, match="without Brevitas quantizers") as caught:
        bw.from_torch(torch.nn.Linear(3, 2), torch.zeros(1, 3))
    assert "brevitas.nn" in caught.value.remedy
    assert "quantize_static" in caught.value.remedy
    with pytest.raises(Unsupported, match="no PyTorch module"):
        bw.from_torch("net.pt", torch.zeros(1, 3))


@pytest.mark.parametrize("kind", ["dense", "image"])
def test_brevitas_networks_predict_what_torch_does(kind: str) -> None:
    qnn = pytest.importorskip("brevitas.nn")
    torch.manual_seed(0)
    shape: tuple[int, ...] = (6,) if kind == "dense" else (3, 8, 8)
    first = qnn.QuantIdentity(bit_width=8, return_quant_tensor=True)
    if kind == "dense":
        parts = [qnn.QuantLinear(6, 5, bias=True, weight_bit_width=4), torch.nn.BatchNorm1d(5),
                 qnn.QuantReLU(bit_width=4), qnn.QuantLinear(5, 3, bias=False, weight_bit_width=4)]  # fmt: skip
    else:
        parts = [qnn.QuantConv2d(3, 4, 3, bias=False, weight_bit_width=2), torch.nn.BatchNorm2d(4),
                 qnn.QuantReLU(bit_width=2), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
                 qnn.QuantLinear(36, 3, bias=False, weight_bit_width=2)]  # fmt: skip
    net = torch.nn.Sequential(first, *parts)
    for _ in range(4):
        net(torch.randn(16, *shape))
    design = bw.compile(bw.from_torch(net, torch.randn(1, *shape)))
    x = np.random.default_rng(0).normal(size=(200, *shape)).astype(F)
    wanted = net.eval()(torch.tensor(x))
    values = getattr(wanted, "value", wanted).detach().numpy()
    np.testing.assert_allclose(design.predict(x), values, rtol=1e-5, atol=1e-6)
