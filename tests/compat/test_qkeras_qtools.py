"""Our QTools against what google/qkeras computed: data types, energies, profiles, roofline numbers, the paper."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ORACLES = Path(__file__).resolve().parents[2] / "../shared/data/oracles/qkeras/qtools"
if not (ORACLES / "index.json").is_file():
    pytest.skip("the QKeras oracles are not here", allow_module_level=True)

import bitwright.layers as layers  # noqa: E402
from bitwright.cost.qtools import INCLUDE, UnknownQuantizer  # noqa: E402
from bitwright.cost.qtools.bits import network_bits, total_bits  # noqa: E402
from bitwright.flow.qtools import QTools  # noqa: E402
from bitwright.train.door import keras  # noqa: E402

INDEX = json.loads((ORACLES / "index.json").read_text())
WEIGHTS = np.load(ORACLES / "weights.npz")
POLYNOMIALS = json.loads((ORACLES / "test_process.json").read_text())
CASES = [(name, variant) for name, entry in INDEX.items() for variant in entry["variants"]]
PUBLISHED = [name for name, entry in INDEX.items() if "published_notebook" in entry]


def built(name: str) -> Any:
    spec, tensors = INDEX[name]["model"], {}
    inner = {source for layer in spec for source in layer.get("in", ())}
    for told in spec:
        kwargs = {k: tuple(v) if isinstance(v, list) else v for k, v in told["kwargs"].items()}
        if told["class"] == "Input":
            tensors[told["name"]] = keras.Input(kwargs["shape"], name=told["name"])
            continue
        kind = getattr(layers, told["class"], None) or getattr(keras.layers, told["class"])
        inputs = [tensors[source] for source in told["in"]]
        tensors[told["name"]] = kind(name=told["name"], **kwargs)(inputs[0] if len(inputs) == 1 else inputs)
    entries = [tensors[told["name"]] for told in spec if told["class"] == "Input"]
    model = keras.Model(entries, [tensor for key, tensor in tensors.items() if key not in inner])
    for layer in model.layers:
        keys = [key for key in WEIGHTS.files if key.startswith(f"{name}/w/{layer.name}/")]
        if keys:
            layer.set_weights([WEIGHTS[key] for key in sorted(keys, key=lambda key: int(key.rsplit("/", 1)[1]))])
    return model


def options(name: str, variant: str) -> dict[str, Any]:
    told = dict(INDEX[name]["variants"][variant]["options"])
    if "hw_weight_dict" in told:
        told["hw_weight_dict"] = {"c1": {"enable_bn_fusing": True, "fused_bn_layer_name": "bn1"}}
    return told


@cache
def shared(name: str, seen: bool, kept: bool) -> Any:
    """One model for the variants of a network whose quantizers have seen the same."""
    return seen_by_quantizers(built(name)) if seen else built(name)


def seen_by_quantizers(model: Any) -> Any:
    """As model_save_quantized_weights leaves it: quantizers have found their scales."""
    for layer in model.layers:
        for quantizer in layer.get_quantizers()[:1] if hasattr(layer, "kernel") else ():
            quantizer(layer.kernel)
    return model


@cache
def qtools(name: str, variant: str) -> QTools:
    entry = INDEX[name]["variants"][variant]
    process = "horowitz" if entry["process"] == "horowitz" else POLYNOMIALS
    told = options(name, variant)
    # Where weights are not quantized yet, QTools calls the quantizers, which then know their scales.
    model = shared(name, "hw_weight_dict" in told, told.get("model_weights_already_quantized", True))
    return QTools(model, process, entry["source_quantizers"], **told)


def sorted_inputs(table: dict[str, Any]) -> dict[str, Any]:
    told = json.loads(json.dumps(table))
    for layer in told.values():
        if isinstance(layer, dict) and len(layer["input_quantizer_list"]) > 1:
            layer["input_quantizer_list"].sort(key=lambda operand: json.dumps(operand, sort_keys=True))
    return told


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_data_types_are_those_of_qkeras(name: str, variant: str) -> None:
    theirs = sorted_inputs(INDEX[name]["variants"][variant]["data_types"])
    assert sorted_inputs(qtools(name, variant).qtools_stats()) == theirs


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_energies_sums_and_profiles_are_those_of_qkeras_to_the_digit(name: str, variant: str) -> None:
    tools = qtools(name, variant)
    for memory, theirs in INDEX[name]["variants"][variant]["energy"].items():
        ours = tools.pe(**theirs["settings"])
        assert {k: e["energy"] for k, e in ours.items() if k != "total_cost"} == theirs["layers"], memory
        assert ours["total_cost"] == theirs["total_cost"], memory
        assert tools.extract_energy_sum(INCLUDE, ours) == theirs["energy_sum"], memory
        profile = tools.extract_energy_profile(INCLUDE, ours)
        assert {k: e["total"] for k, e in profile.items()} == theirs["profile_total"], memory


@pytest.mark.parametrize(("name", "variant"), [c for c in CASES if "roofline" in INDEX[c[0]]["variants"][c[1]]])
def test_roofline_numbers_are_those_of_qkeras(name: str, variant: str) -> None:
    assert qtools(name, variant).get_roofline_numbers() == INDEX[name]["variants"][variant]["roofline"]


@pytest.mark.parametrize(
    ("name", "variant"), [(n, v) for n, e in INDEX.items() for v, why in e.get("errors", {}).items() if "Tag" in why]
)
def test_unknown_quantizers_are_refused_as_in_qkeras_and_typed_when_all_is_wanted(name: str, variant: str) -> None:
    with pytest.raises(UnknownQuantizer, match="complete"):
        QTools(built(name), "horowitz", None)
    types = QTools(built(name), "horowitz", None, coverage="complete").types
    assert all(typed.output.bits > 0 for typed in types.layers)


def test_what_qkeras_fails_on_works() -> None:
    if "subtract_unsupported" not in INDEX:
        pytest.skip("this oracle is not here")
    difference = QTools(built("subtract_unsupported"), "horowitz", None).types["sub"]
    assert difference.output.signed
    assert difference.output.bits == max(operand.bits for operand in difference.inputs) + 1


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize(("rules", "revision"), [("latest", "last_commit"), ("2021", "revision_8a384a4_2021_02_08")])
def test_the_papers_table_comes_out_with_the_rules_of_its_time_and_of_today(
    name: str, rules: Any, revision: str
) -> None:
    notebook = INDEX[name]["published_notebook"]
    model = built(name)
    tools = QTools(
        model,
        "horowitz",
        "quantized_bits(15,5,1)",
        is_inference=True,
        keras_quantizer="fp16",
        keras_accumulator="fp16",
        rules=rules,
    )
    energies = tools.pe("fixed", "fixed", 8 * 16 * 1024 * 1024, False)
    theirs = notebook[revision]
    assert {k: e["energy"]["op_cost"] for k, e in energies.items() if k != "total_cost"} == theirs["op_cost_pj"]
    assert tools.extract_energy_sum(INCLUDE, energies) == theirs["total_pj"]
    bits = network_bits(tools.network)
    assert {k: [b.parameters, b.activations] for k, b in bits.items()} == theirs["parameter_and_activation_bits"]
    assert total_bits(bits) == theirs["total_bits"]
    if theirs["energy_equal_published"]:
        assert theirs["total_pj"] == notebook["values"]["total_pj"]
