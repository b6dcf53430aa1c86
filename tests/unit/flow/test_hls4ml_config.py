"""hls4ml's configuration dictionaries: taken over, checked against the proven formats, or refused with the way out."""

from __future__ import annotations

from typing import Any

import pytest

from bitwright.core.errors import ConfigError
from bitwright.flow.design import Design
from bitwright.flow.hls import Hls, hls_files
from bitwright.flow.hls4ml_config import read_hls4ml


@pytest.fixture(scope="module")
def design() -> Design:
    """4 inputs of s6.3, two layers."""
    import keras

    from bitwright import layers as ql
    from bitwright import quantizers as q
    from bitwright.flow.compiling import compile_model

    keras.utils.set_random_seed(3)
    bits = lambda: q.quantized_bits(4, 0, alpha=1)  # noqa: E731
    x = entry = keras.Input((4,))
    x = ql.QActivation(q.quantized_bits(6, 2, alpha=1), name="in_q")(x)
    x = ql.QDense(6, kernel_quantizer=bits(), bias_quantizer=bits(), name="hidden")(x)
    x = ql.QActivation(q.quantized_relu(5, 1), name="relu")(x)
    x = ql.QDense(3, kernel_quantizer=bits(), bias_quantizer=bits(), name="logits")(x)
    return compile_model(keras.Model(entry, x), name="tiny", clock_mhz=200)


def config(**layers: Any) -> dict[str, Any]:
    return {"Model": {"Precision": "auto", "ReuseFactor": 1, "Strategy": "Latency"}, "LayerName": layers}


def test_strategies_and_reuse_factors_become_ours(design: Design) -> None:
    assert read_hls4ml(config(), design) == Hls("vitis", "latency", 1)
    resource = config() | {"Model": {"ReuseFactor": 8, "Strategy": "Resource"}}
    assert read_hls4ml(resource, design) == Hls("vitis", "resource", 8)
    mixed = read_hls4ml(config(hidden={"Strategy": "Resource", "ReuseFactor": 12}), design)
    assert mixed.strategy == "resource"
    assert isinstance(mixed.reuse_factor, dict)
    assert {k: v for k, v in mixed.reuse_factor.items() if v != 1} == {"hidden": 12}


def test_the_factor_decides_how_many_products_are_made_at_once(design: Design) -> None:
    for reuse, at_once in ((1, 24), (4, 6), (24, 1), (5, 4)):
        options = Hls(strategy="resource", reuse_factor={"hidden": reuse})
        assert f"// 24 products, {at_once} at once." in hls_files(design, options, vectors=1).files["tiny.cpp"]


def test_a_whole_file_names_vendor_part_and_clock(design: Design) -> None:
    file = {"Backend": "Vivado", "Part": "xcvu9p-flga2104-2-e", "ClockPeriod": 5, "IOType": "io_parallel",
            "OutputDir": "prj", "HLSConfig": config()}  # fmt: skip
    found = read_hls4ml(file, design)
    assert (found.vendor, found.part) == ("vivado", "xcvu9p-flga2104-2-e")
    assert "OutputDir is not used" in found.notes


@pytest.mark.parametrize(
    "precision",
    ["ap_fixed<16,6>", {"result": "ap_fixed<20,8,AP_RND,AP_SAT>", "weight": "ap_fixed<4,1>", "bias": "fixed<4,1>"}],
)
def test_precisions_that_hold_the_proven_formats_are_accepted(design: Design, precision: Any) -> None:
    read_hls4ml(config(hidden={"Precision": precision}), design)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (config(hidden={"Precision": {"weight": "ap_fixed<3,1>"}}), "hidden, precision weight: ap_fixed<3,1>"),
        (config(hidden={"Precision": "ap_fixed<8,3>"}), "hidden, precision result: ap_fixed<8,3> cannot hold"),
        (config(relu={"Precision": {"result": "ap_ufixed<5,0>"}}), "relu, precision result"),
        (config(hidden={"Precision": "float"}), "write ap_fixed<W,I> or auto"),
        (config(hiden={"ReuseFactor": 2}), "did you mean hidden?"),
        (config(hidden={"ReuseFaktor": 2}), "did you mean ReuseFactor?"),
        (config(hidden={"Strategy": "Resorce"}), "did you mean resource?"),
        ({"Backend": "Vitis", "IOType": "io_stream", "HLSConfig": config()}, "bw.compile_hls4ml(config, model)"),
        ({"Backend": "Vitis", "IOType": "io_streams", "HLSConfig": config()}, "io_parallel or io_stream"),
        ({"Backend": "Vitis", "ClockPeriod": 4, "HLSConfig": config()}, "250 MHz"),
        ({"Backend": "Vitus", "HLSConfig": config()}, "backend 'Vitus'"),
        ({"Bakend": "Vitis", "HLSConfig": config()}, "did you mean Backend?"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(design: Design, told: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_hls4ml(told, design)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": "latancy"}, "did you mean latency?"),
        ({"reuse_factor": 0}, "give 1 or more"),
    ],
)
def test_our_own_options_are_checked_too(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Hls(**options)
    assert words in str(caught.value)


def test_an_unknown_layer_or_vendor_is_refused(design: Design) -> None:
    for options, words in (
        (Hls(strategy="resource", reuse_factor={"hiden": 2}), "did you mean hidden?"),
        (Hls(vendor="vitus"), "did you mean vitis?"),
    ):
        with pytest.raises(ConfigError) as caught:
            hls_files(design, options, vectors=1)
        assert words in str(caught.value)
