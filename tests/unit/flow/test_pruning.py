"""What pruning saved is told in LUTs, by layer, with the weights that went as they were."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras


def network():
    keras.utils.set_random_seed(1)
    layers = [keras.Input((6,)), bw.QActivation("quantized_bits(6,2,1,alpha=1)", name="in")]
    for name, units in (("one", 8), ("two", 3)):
        kernel = "quantized_bits(6,0,1,alpha=1)"
        layers.append(bw.QDense(units, kernel_quantizer=kernel, bias_quantizer=kernel, name=name))
        layers.append(bw.QActivation("quantized_relu(6,2)", name=f"relu_{name}"))
    return keras.Sequential(layers)


def test_what_pruning_saved_is_the_difference_of_two_compiled_designs():
    model = network()
    full = bw.compile(model).estimate()
    weights = model.get_weights()
    pruned = bw.prune_now(model, {"one": 0.75})
    sparse = model.get_weights()
    told = bw.saved_by_pruning(model, pruned)
    assert (told.dense.luts, told.pruned.luts) == (full.luts, bw.compile(model).estimate().luts)
    assert told.luts == full.luts - told.pruned.luts > 0
    assert told.share == 0.75
    one = next(row for row in told.layers if row.layer == "one")
    assert one.saved > 0.4 * one.dense_luts
    note = str(told)
    assert f"saved {told.luts} of {full.luts} LUT" in note
    assert bw.compile(model).report(notes=(note,)).notes == (note,)
    for before, after in zip(sparse, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert any((a != b).any() for a, b in zip(weights, sparse, strict=True))


def test_a_pruning_of_another_model_is_refused():
    model = network()
    with pytest.raises(InvalidValue, match="nothing was pruned"):
        bw.saved_by_pruning(model, bw.Prune(0.5))
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="else")])
    with pytest.raises(InvalidValue, match="else/kernel"):
        bw.saved_by_pruning(model, bw.prune_now(other, 0.5))


def test_hardware_aware_pruning_saves_more_luts_than_magnitude_at_the_same_magnitude_lost():
    """The criterion asks for what the compiler then really does."""
    found = {}
    for name, criterion in (("magnitude", bw.Magnitude()), ("savings", bw.Savings(bw.LutSavings(6)))):
        points = []
        for share in (0.3, 0.5, 0.7):
            model = network()
            bw.prune_now(model, share, criterion=criterion, across=True)
            kept = sum(np.abs(layer.kernel).sum() for layer in model.layers if hasattr(layer, "kernel"))
            points.append((float(kept), bw.compile(model).estimate().luts))
        found[name] = points
    for kept, luts in found["savings"][:2]:
        other = sorted(found["magnitude"])
        assert luts < 1.1 * np.interp(kept, [k for k, _ in other], [n for _, n in other])
