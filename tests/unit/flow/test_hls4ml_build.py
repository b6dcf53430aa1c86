"""hls4ml's files as designs: interface, clock and part from the file, reuse factors as foldings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bitwright.cli import app
from bitwright.core.errors import ConfigError
from bitwright.flow.design import Design
from bitwright.flow.hls import Hls, hls_files
from bitwright.flow.hls4ml_build import compile_hls4ml, read_hls4ml_file
from bitwright.flow.hls4ml_config import read_hls4ml
from bitwright.flow.streamed import StreamDesign
from bitwright.ir.dataflow.ops import MatVec

FILE = """
Backend: Vivado
ClockPeriod: 5
ClockUncertainty: 27%
IOType: io_stream
InputShapes: {x_in: [4, 4, 2]}
KerasModel: !keras_model 'keras_model.keras'
OutputDir: prj
Part: xc7z020clg400-1
ProjectName: tiny
Version: 1.0.0
HLSConfig:
  Model: {BitExact: null, Precision: {default: 'fixed<16,6>'}, ReuseFactor: 6, Strategy: Resource}
  LayerName:
    hidden: {Precision: {bias: auto, result: auto, weight: auto}, ReuseFactor: 72}
    hidden_relu: {Precision: {result: auto}, Trace: false}
"""


@pytest.fixture(scope="module")
def model() -> Any:
    """A convolution of 4 x 4 x 2 and two dense layers."""
    import keras

    from bitwright import layers as ql
    from bitwright import quantizers as q

    keras.utils.set_random_seed(5)
    bits = lambda: q.quantized_bits(4, 0, alpha=1)  # noqa: E731
    weights = lambda: {"kernel_quantizer": bits(), "bias_quantizer": bits()}  # noqa: E731
    x = entry = keras.Input((4, 4, 2), name="x_in")
    x = ql.QActivation(q.quantized_bits(4, 1, alpha=1), name="in_q")(x)
    x = ql.QConv2D(3, 3, **weights(), name="conv")(x)
    x = ql.QActivation(q.quantized_relu(4, 1), name="relu")(x)
    x = keras.layers.Flatten(name="flat")(x)
    x = ql.QDense(6, **weights(), name="hidden")(x)
    x = ql.QActivation(q.quantized_relu(4, 1), name="hidden_act")(x)
    return keras.Model(entry, ql.QDense(3, **weights(), name="logits")(x))


def config(**more: Any) -> dict[str, Any]:
    inner = {"Model": {"ReuseFactor": 1, "Strategy": "Resource"}, "LayerName": more.pop("layers", {})}
    return {"Backend": "Vitis", "IOType": "io_stream", "ClockPeriod": 8, "Part": "xc7a35tcpg236-1",
            "HLSConfig": inner} | more  # fmt: skip


@pytest.fixture(scope="module")
def streamed(model: Any) -> tuple[Design, Hls]:
    layers = {"conv": {"ReuseFactor": 27}, "hidden": {"ReuseFactor": 36}, "logits": {"ReuseFactor": 4}}
    return compile_hls4ml(config(layers=layers), model)


def test_io_stream_gives_a_dataflow_design_for_the_files_part_and_clock(streamed: tuple[Design, Hls]) -> None:
    design, hls = streamed
    assert isinstance(design, StreamDesign)
    assert (design.options.device, design.clock_mhz) == ("xc7a35t", 125.0)
    assert hls == Hls("vitis", part="xc7a35tcpg236-1", notes=hls.notes)


def test_a_reuse_factor_is_the_cycles_that_an_output_pixel_takes(streamed: tuple[Design, Hls]) -> None:
    design: Any = streamed[0]
    held = {n.name: n.op for n in design.program.nodes if isinstance(n.op, MatVec)}
    cycles = {name: op.weights.shape[1] * op.weights.shape[2] for name, op in held.items()}
    at_once = {n.name: n.op.units * design.program.nodes[n.args[0]].type.lanes
               for n in design.program.nodes if n.name in held}  # fmt: skip
    found = {name: cycles[name] // at_once[name] for name in held}
    assert found == {"conv": 27, "hidden": 36, "logits": 3}


def test_a_factor_of_one_unrolls_a_convolution(model: Any) -> None:
    design: Any = compile_hls4ml(config(), model)[0]
    assert design.foldings["conv"].kernel.value == "unrolled"


def test_it_writes_the_hls_project_of_the_design(streamed: tuple[Design, Hls]) -> None:
    design, hls = streamed
    made = hls_files(design, hls, vectors=2)
    assert "Conv" not in made.files  # one function an actor
    assert "static void hidden(" in made.files[f"{design.name}.cpp"]


def test_io_parallel_gives_the_parallel_architecture_with_its_reuse_factors(model: Any) -> None:
    design, hls = compile_hls4ml(config(IOType="io_parallel", layers={"hidden": {"ReuseFactor": 9}}), model)
    assert not isinstance(design, StreamDesign)
    assert (hls.strategy, hls.reuse_factor["hidden"]) == ("resource", 9)  # type: ignore[index]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (config(IOTipe="io_stream"), "did you mean IOType?"),
        (config(layers={"hiden": {"ReuseFactor": 2}}), "did you mean hidden?"),
        (config(layers={"hidden": {"Precision": {"weight": "ap_fixed<3,1>"}}}), "hidden, precision weight"),
        (config(IOType="io_serial"), "io_parallel or io_stream"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_built(model: Any, told: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_hls4ml(told, model)
    assert words in str(caught.value)


def test_a_folded_design_is_asked_for_no_other_folding(streamed: tuple[Design, Hls]) -> None:
    design = streamed[0]
    with pytest.raises(ConfigError, match="compile it with folding"):
        hls_files(design, Hls(strategy="resource"), vectors=1)
    with pytest.raises(ConfigError, match=r"compile_hls4ml\(config, model\)"):
        read_hls4ml(config(IOType="io_parallel"), design)


def test_a_file_of_hls4ml_is_read_built_and_written(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "keras_model.keras")
    (tmp_path / "hls4ml_config.yml").write_text(FILE)
    told = CliRunner().invoke(app, ["import", str(tmp_path / "hls4ml_config.yml"), "-o", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    assert {"note: InputShapes is not used", "note: ClockUncertainty is not used"} <= set(told.output.splitlines())
    options = json.loads((tmp_path / "out" / "manifest.json").read_text())["options"]
    assert (options["architecture"], options["device"], options["clock_mhz"]) == ("dataflow", "xc7z020", 200.0)
    script = (tmp_path / "out" / "hls" / "run_hls.tcl").read_text()
    assert 'set part "xc7z020clg400-1"' in script
    assert (tmp_path / "out" / "hls" / "bw_stream.h").exists()
    assert (tmp_path / "out" / "hls" / "tiny.cpp").exists()


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    for text, words in (
        ("a: [", "cannot be read"),
        ("- 1", "holds no configuration"),
        ("a: !python/name:os.system", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=words):
            read_hls4ml_file(path)
