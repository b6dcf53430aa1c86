"""Our utilities against numbers that google/qkeras computed: conversion, saved weights, operations, folding."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ORACLES = Path(__file__).resolve().parents[2] / "../shared/data/oracles/qkeras/utilities"
if not (ORACLES / "model_quantize/index.json").is_file():
    pytest.skip("the QKeras oracles are not here", allow_module_level=True)

import bitwright.layers as layers  # noqa: E402
from bitwright.qkeras import bn_folding_utils, estimate, utils  # noqa: E402
from bitwright.train.door import keras  # noqa: E402
from bitwright.train.spec import get_quantizer  # noqa: E402

ARRAYS = {
    "model_quantize": "model_quantize",
    "model_save_quantized_weights": "saved_weights",
    "get_model_sparsity": "sparsity",
    "extract_model_operations": "operations",
    "unfold_model": "folding",
}
INDEX = {
    kind.name: json.loads((kind / "index.json").read_text())
    for kind in ORACLES.iterdir()
    if not kind.name.startswith("forgiving")
}


def stored(kind):
    return np.load(ORACLES / kind / f"{ARRAYS[kind]}.npz")


def cases(kind):
    return pytest.mark.parametrize("identity", list(INDEX[kind]))


def layer(item):
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in item["kwargs"].items()}
    if "layer" in arguments:
        arguments["layer"] = layer(arguments["layer"])
    kind = getattr(layers, item["class"], None) or getattr(keras.layers, item["class"])
    return kind(name=item["name"], **arguments)


def built(entry):
    tensors = {}
    for item in entry["model"]:
        if item["class"] == "Input":
            tensors[item["name"]] = keras.Input(tuple(item["kwargs"]["shape"]), name=item["name"])
        else:
            tensors[item["name"]] = layer(item)(tensors[item["in"][0]])
    names = list(tensors)
    return keras.Model(tensors[names[0]], tensors[names[-1]])


def give(model, arrays, prefix):
    for part in model.layers:
        if part.weights:
            part.set_weights([arrays[f"{prefix}/{part.name}/{i}"] for i in range(len(part.weights))])


def told(quantizer):
    """A quantizer, be it an object or QKeras's text for one, in one spelling."""
    return None if quantizer is None else str(get_quantizer(quantizer))


def check_layers(model, expected):
    assert [type(part).__name__ for part in model.layers] == [item["class"] for item in expected]
    for part, item in zip(model.layers, expected, strict=True):
        if item["class"] != "InputLayer":
            assert part.name == item["name"]
        if "quantizers" in item:
            assert [told(q) for q in part.get_quantizers()] == [told(q) for q in item["quantizers"]], part.name
        if "activation" in item:
            ours = getattr(part.activation, "__name__", None) or str(part.activation)
            theirs = item["activation"]
            assert ours == (told(theirs) if theirs.startswith("quantized") else theirs), part.name


@cases("model_quantize")
@pytest.mark.filterwarnings("ignore:model_quantize leaves")
def test_model_quantize_makes_the_layers_and_outputs_of_qkeras(identity):
    entry, arrays = INDEX["model_quantize"][identity], stored("model_quantize")
    model = built(entry)
    give(model, arrays, f"{identity}/w")
    quantized = utils.model_quantize(
        model, entry["quantizer_config"], entry["activation_bits"], transfer_weights=True, **entry["options"]
    )
    check_layers(quantized, entry["result"])
    y = quantized.predict(arrays[f"{identity}/x"], verbose=0)
    theirs = arrays[f"{identity}/y_quantized"]
    assert np.abs(y - theirs).max() <= 1e-5 * np.abs(theirs).max()


@cases("model_save_quantized_weights")
def test_saved_weights_are_those_of_qkeras(identity):
    entry, arrays = INDEX["model_save_quantized_weights"][identity], stored("model_save_quantized_weights")
    model = built(entry)
    give(model, arrays, f"{identity}/before")
    pairs, followers = utils.find_bn_fusing_layer_pair(model)
    assert [pairs, sorted(followers)] == entry["bn_fusing_pairs"]
    saved = utils.model_save_quantized_weights(model)
    lengths = {n: {k: len(v) if isinstance(v, list) else v for k, v in s.items()} for n, s in saved.items()}
    assert lengths == entry["keys"]
    for key in arrays.files:
        parts = key.removeprefix(f"{identity}/").split("/")
        if parts[0] == "saved":
            ours = np.asarray(saved[parts[1]][parts[2]][int(parts[3])])
            assert np.array_equal(ours, arrays[key]), key
        if parts[0] == "after":
            assert np.array_equal(model.get_layer(parts[1]).get_weights()[int(parts[2])], arrays[key]), key
    y = model.predict(arrays[f"{identity}/x"], verbose=0)
    assert np.abs(y - arrays[f"{identity}/y_after"]).max() <= 1e-5 * np.abs(y).max()


@cases("get_model_sparsity")
def test_sparsity_is_that_of_qkeras(identity):
    entry = INDEX["get_model_sparsity"][identity]
    model = built(entry)
    give(model, stored("get_model_sparsity"), f"{identity}/w")
    total, by_layer = utils.get_model_sparsity(model, per_layer=True)
    assert total == entry["total"]
    assert [list(pair) for pair in by_layer] == entry["per_layer"]
    assert utils.get_model_sparsity(model) == entry["total"]


@cases("extract_model_operations")
def test_operations_and_statistics_are_those_of_qkeras(identity, capsys):
    entry = INDEX["extract_model_operations"][identity]
    model = built(entry)
    give(model, stored("extract_model_operations"), f"{identity}/w")
    assert json.loads(json.dumps(estimate.extract_model_operations(model))) == entry["operations"]
    estimate.print_qstats(model)
    printed = capsys.readouterr().out
    for kind, number in entry["operation_types"].items():
        assert f"    {kind:30}: {number}\n" in printed
    assert f"Total Bits                     : {entry['total_bits']:5}\n" in printed
    assert f"Total Sparsity                 : {entry['total_sparsity']:.4f}\n" in printed


@cases("convert_to_folded_model")
def test_folding_leaves_the_layers_of_qkeras(identity):
    entry = INDEX["convert_to_folded_model"][identity]
    folded, names = utils.convert_to_folded_model(built(entry))
    assert names == entry["folded_layers"]
    check_layers(folded, entry["result"])


@cases("unfold_model")
def test_unfolding_gives_the_weights_of_qkeras_and_the_same_outputs(identity):
    entry, arrays = INDEX["unfold_model"][identity], stored("unfold_model")
    model = built(entry)
    give(model, arrays, f"{identity}/w")
    if "bias_quantizers" in entry:
        bn_folding_utils.populate_bias_quantizer_from_accumulator(model, ["quantized_bits(8,0,1)"])
        for name, quantizer in entry["bias_quantizers"].items():
            assert str(model.get_layer(name).bias_quantizer) == quantizer
    unfolded = bn_folding_utils.unfold_model(model)
    check_layers(unfolded, entry["result"])
    for key in arrays.files:
        if key.startswith(f"{identity}/unfolded/"):
            name, position = key.split("/")[-2:]
            # The reciprocal root differs between frameworks in the last place.
            ours = unfolded.get_layer(name).get_weights()[int(position)]
            assert np.abs(ours - arrays[key]).max() <= 2e-7 * np.abs(arrays[key]).max()
    x = arrays[f"{identity}/x"]
    y = [np.asarray(keras.ops.convert_to_numpy(network(x))) for network in (model, unfolded)]
    assert np.array_equal(*y)
    assert np.array_equal(y[0], arrays[f"{identity}/y_folded"])
