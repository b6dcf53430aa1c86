"""Files of any content: read into our record, or refused with a reason; never a crash, never another file's bytes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integer_models import convolution, product, whole_convolution
from tests.onnx_models import QONNX, helper, model, node, onnx, parsed, quant

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.frontends.qonnx import Executor, parse_model, read_file, read_model


def small() -> Any:
    """A quantized convolution, a pool and a dense layer."""
    rng = np.random.default_rng(0)
    held = {
        "s": np.float32(0.25), "b": np.float32(4), "w": rng.integers(-3, 4, (3, 2, 3, 3)).astype(np.float32),
        "one": np.ones(3, np.float32), "none": np.zeros(3, np.float32),
        "v": rng.integers(-3, 4, (12, 5)).astype(np.float32),
    }  # fmt: skip
    nodes = [
        quant("x", "q", "s", "b"),
        node("Conv", ["q", "w"], "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "one", "none", "none", "one"], "n"),
        node("Relu", ["n"], "r"),
        quant("r", "p", "s", "b", signed=0),
        node("MaxPool", ["p"], "m", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["m"], "f"),
        node("Gemm", ["f", "v"], "y"),
    ]
    return model(nodes, {"x": (1, 2, 4, 4)}, constants=held)


SMALL = small().SerializeToString()


def use(data: bytes) -> None:
    """Whatever can be done with a file: it works, or it is refused."""
    try:
        found = parse_model(data)
    except BitwrightError:
        return
    for work in (lambda: read_model(found, input_format="s8.4"), lambda: run(found)):
        with suppress(BitwrightError):
            work()


def run(found: Any) -> None:
    Executor(found)([np.zeros([d or 1 for d in port.shape or ()], port.dtype) for port in found.inputs])


@settings(max_examples=60)
@given(st.integers(0, len(SMALL) - 1))
def test_a_truncated_file_is_refused(length: int) -> None:
    use(SMALL[:length])


mutations = st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=8)


def mutated(changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(SMALL)
    for place, value in changes:
        data[place] = value
    return bytes(data)


@settings(max_examples=150)
@given(mutations)
def test_a_mutated_file_works_or_is_refused(changes: list[tuple[int, int]]) -> None:
    use(mutated(changes))


@pytest.mark.long
@settings(max_examples=5000)
@given(mutations)
def test_thousands_of_mutated_files_work_or_are_refused(changes: list[tuple[int, int]]) -> None:
    use(mutated(changes))


@pytest.mark.parametrize("build", [convolution, whole_convolution, product])
def test_mutated_files_of_integers_work_or_are_refused(build: Any) -> None:
    """A generator instead of examples: these files have no small form."""
    rng = np.random.default_rng(0)
    whole = build(rng)[0].SerializeToString()
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), int(rng.integers(1, 9))):
            data[place] = rng.integers(256)
        use(bytes(data))


@pytest.mark.parametrize("data", [b"", b"\x08", b"no model at all", b"\xff" * 400])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidModel):
        parse_model(data)


def claims(shape: list[int], **told: Any) -> Any:
    proto = small()
    proto.graph.initializer[0].CopyFrom(onnx.TensorProto(name=proto.graph.initializer[0].name, dims=shape, **told))
    return proto


@pytest.mark.parametrize("shape", [[1 << 40], [1 << 20, 1 << 20], [-1], [2] * 40])
def test_a_tensor_larger_than_its_bytes_is_never_allocated(shape: list[int]) -> None:
    with pytest.raises(InvalidModel):
        parsed(claims(shape, data_type=1, raw_data=b"\0" * 4))


@pytest.mark.parametrize(
    ("kind", "inputs", "held"),
    [
        ("Expand", ["x", "c"], {"c": np.array([1 << 40])}),
        ("Tile", ["x", "c"], {"c": np.array([1, 1 << 40])}),
        ("Pad", ["x", "c"], {"c": np.array([0, 1 << 40, 0, 0])}),
        ("ConstantOfShape", ["c"], {"c": np.array([1 << 20, 1 << 20])}),
        ("Resize", ["x", "", "c"], {"c": np.array([1, 1e6], np.float32)}),
        ("Range", ["a", "c", "b"], {"a": np.float32(0), "c": np.float32(1e12), "b": np.float32(1)}),
    ],
)
def test_an_operator_that_would_fill_the_memory_is_refused(kind: str, inputs: list[str], held: Any) -> None:
    proto = model([node(kind, inputs, "t"), node("Identity", ["x"], "y")], {"x": (1, 1000)}, ["y", "t"], held, 13)
    with pytest.raises(InvalidModel, match=r"shape|range|scales"):
        Executor(parsed(proto))([np.zeros((1, 1000), np.float32)])


def outside(tmp_path: Path, location: str, **told: str) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 4096)
    proto = small()
    tensor = proto.graph.initializer[0]
    raw = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in {"location": location, **told}.items():
        tensor.external_data.add(key=key, value=value)
    (folder / "weights.bin").write_bytes(b"\0" * 8 + raw)
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "m.onnx").write_bytes(proto.SerializeToString())
    return folder / "m.onnx"


def test_external_data_beside_the_model_is_read(tmp_path: Path) -> None:
    found = read_file(outside(tmp_path, "weights.bin", offset="8"))
    x = np.random.default_rng(0).normal(size=(3, 2, 4, 4)).astype(np.float32)
    assert np.array_equal(Executor(found)([x])[0], Executor(parse_model(SMALL))([x])[0])


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/hostname", "link.bin", "a/../../secret.bin", ".", ""])
def test_external_data_cannot_leave_the_folder(tmp_path: Path, location: str) -> None:
    with pytest.raises(InvalidModel, match=r"folder|missing"):
        read_file(outside(tmp_path, location))


@pytest.mark.parametrize("told", [{"offset": "-8"}, {"offset": "99999"}, {"offset": "x"}, {"length": "1"}])
def test_external_data_that_ends_early_is_refused(tmp_path: Path, told: dict[str, str]) -> None:
    with pytest.raises(InvalidModel):
        read_file(outside(tmp_path, "weights.bin", **told))


def test_a_missing_file_is_refused_by_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="none"):
        read_file(tmp_path / "none.onnx")


def test_initializers_among_the_inputs_are_constants() -> None:
    proto = small()
    proto.graph.input.append(helper.make_tensor_value_info("w", 1, [3, 2, 3, 3]))
    assert [port.name for port in parsed(proto).inputs] == ["x"]


def test_an_unsorted_graph_is_put_in_order_and_a_circle_refused() -> None:
    proto = small()
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend(reversed(nodes))
    x = np.ones((1, 2, 4, 4), np.float32)
    assert np.array_equal(Executor(parsed(proto))([x])[0], Executor(parse_model(SMALL))([x])[0])
    proto.graph.node[-1].input[0] = "y"
    with pytest.raises(InvalidModel, match="nothing yields"):
        parsed(proto)


def test_an_opset_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Unsupported, match="opset 99"):
        parsed(model([node("Relu", ["x"])], {"x": (1, 2)}, opset=99))


def test_an_attribute_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(InvalidModel, match="unknown attributes shade"):
        parsed(model([node("Relu", ["x"], shade=3)], {"x": (1, 2)}))


KINDS = [(11, [0.5, -2]), (10, [0.5, -2]), (6, [3, -4]), (3, [3, -4]), (9, [1, 0])]


@pytest.mark.parametrize(("number", "values"), KINDS)
def test_every_dtype_is_read_from_raw_bytes_and_from_fields(number: int, values: list[float]) -> None:
    for raw in (True, False):
        made = helper.make_tensor("c", number, [2], values) if not raw else onnx.numpy_helper.from_array(
            np.array(values, helper.tensor_dtype_to_np_dtype(number)), "c"
        )  # fmt: skip
        proto = model([node("Cast", ["c"], "f", to=1), node("Add", ["x", "f"])], {"x": (1, 2)})
        proto.graph.initializer.append(made)
        assert Executor(parsed(proto))([np.zeros((1, 2), np.float32)])[0].tolist() == [values]


def test_versions_of_the_domain_are_those_of_the_file() -> None:
    found = parse_model(SMALL)
    assert {n.version for n in found.nodes if n.domain == QONNX} == {2}


def test_the_onnx_package_is_loaded_only_to_read_a_file() -> None:
    program = "import sys, bitwright.frontends.qonnx; sys.exit('onnx' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
