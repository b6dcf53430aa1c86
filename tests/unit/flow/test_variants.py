"""Narrower and pruned versions of a model: what they are, and that they are families of one front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError
from bitwright.flow.exploring import plan_line, stream_graph, told_variants
from bitwright.flow.variants import AS_GIVEN, Variants, narrowed, pruned, variants_of
from bitwright.report import read_explore


@pytest.fixture(scope="module")
def model() -> Any:
    """Two dense layers of six bits, quantizers as objects and as text."""
    keras.utils.set_random_seed(3)
    x = entry = keras.Input((8,), name="x")
    x = bw.QActivation(bw.quantized_bits(6, 1, alpha=1), name="q")(x)
    x = bw.QDense(12, kernel_quantizer=bw.quantized_bits(6, 0, alpha=1), name="d1")(x)
    x = bw.QActivation("quantized_relu(6,2)", name="a1")(x)
    x = bw.QDense(3, kernel_quantizer="quantized_bits(6,0,alpha=1)", name="d2")(x)
    return keras.Model(entry, x, name="net")


def bits(model: Any) -> int:
    nodes = stream_graph(model, {}).nodes
    return max(int(n.type.widths().max()) for n in nodes if n.name in ("q", "a1"))


def zeros(model: Any) -> float:
    kernel = model.get_layer("d1").get_weights()[0]
    return float((kernel == 0).mean())


def test_a_narrowed_model_has_no_wider_quantizer_and_the_same_weights(model: Any) -> None:
    made = narrowed(model, 4)
    assert (bits(model), bits(made)) == (6, 4)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), made.get_weights(), strict=True))
    assert bits(narrowed(model, 8)) == 6


def test_pruning_takes_the_smallest_weights_or_whole_channels_and_leaves_the_model_alone(model: Any) -> None:
    before = zeros(model)
    half = pruned(model, 0.5)
    assert zeros(half) == pytest.approx(0.5, abs=0.02)
    assert zeros(model) == before
    kernel, kept = (m.get_layer("d1").get_weights()[0] for m in (model, half))
    assert np.abs(kernel[kept == 0]).max() <= np.abs(kernel[kept != 0]).min()
    assert pruned(model, 0.5, channels=True).get_layer("d1").get_weights()[0].shape == (8, 6)


def test_versions_have_names_and_what_is_no_keras_model_is_refused(model: Any) -> None:
    made = variants_of(model, Variants((4,), (0.5,), (0.5,)))
    assert list(made) == [AS_GIVEN, "at most 4 bits", "50% of weights pruned", "50% of channels pruned"]
    with pytest.raises(ConfigError, match="only Keras models"):
        variants_of(stream_graph(model, {}), Variants((4,)))
    with pytest.raises(ConfigError, match="quantize it first"):
        narrowed(keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]), 4)


def test_a_front_of_families_holds_each_ones_front_with_its_accuracy(model: Any) -> None:
    told = {"points": 1, "evaluate": lambda version: 1.0 / bits(version)}
    front = bw.explore_front({"wide": model, "narrow": narrowed(model, 3)}, "xc7z020", [100.0], **told)
    families = {plan.family: plan for plan in front}
    assert set(families) == {"wide", "narrow"}
    assert families["narrow"].accuracy == pytest.approx(1 / 3)
    assert "accuracy 0.3333" in plan_line(families["narrow"])
    fastest = {name: max((p for p in front if p.family == name), key=lambda p: p.fps) for name in families}
    assert fastest["narrow"].area.luts < fastest["wide"].area.luts


def test_the_page_shows_families_and_the_first_ones_plan_is_chosen(model: Any, tmp_path: Path) -> None:
    versions = {"wide": model, "<narrow>": narrowed(model, 3)}
    page = bw.explore_report(
        versions, "xc7z020", folder=tmp_path, clocks_mhz=[100.0], points=1, evaluate=lambda version: 0.5
    )
    record = read_explore(tmp_path / "report.json")
    assert record.chosen is not None
    assert record.chosen.family == "wide"
    assert {plan.family for plan in record.plans} == {"wide", "<narrow>"}
    text = page.read_text()
    assert "&lt;narrow&gt; (50.0 %)" in text or "&lt;narrow&gt; (50.0%)" in text
    assert "<narrow>" not in text.replace("&lt;", "")


def test_lists_of_numbers_are_variants_and_others_are_refused() -> None:
    assert told_variants("6,4", "0.5", "") == Variants([6, 4], [0.5], [])
    assert told_variants("", "", "") is None
    with pytest.raises(ConfigError, match="no list of numbers"):
        told_variants("six", "", "")
