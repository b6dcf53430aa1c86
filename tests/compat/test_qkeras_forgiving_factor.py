"""Our forgiving factors against the numbers that google/qkeras computed: every record, to the digit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ORACLES = Path(__file__).resolve().parents[2] / "../shared/data/oracles/qkeras/utilities"
if not (ORACLES / "forgiving_factor/index.json").is_file():
    pytest.skip("the QKeras oracles are not here", allow_module_level=True)

from bitwright.cost.qtools import UnknownQuantizer  # noqa: E402
from bitwright.qkeras import utils  # noqa: E402
from bitwright.search.scores import ForgivingFactor, Measured, forgiving_factor  # noqa: E402
from bitwright.train.door import keras  # noqa: E402

NUMBERS = json.loads((ORACLES / "forgiving_factor/index.json").read_text())
MODELS = json.loads((ORACLES / "forgiving_factor_model/index.json").read_text())
WORKING = [name for name, entry in MODELS.items() if "error" not in entry]


class Told(ForgivingFactor):
    """Sizes that are simply told."""

    def measure(self, model: float, *, reference: bool = False) -> Measured:
        return Measured(model)


def built(spec: list[dict[str, Any]]) -> Any:
    tensors: dict[str, Any] = {}
    for item in spec:
        told = {key: tuple(v) if isinstance(v, list) else v for key, v in item["kwargs"].items()}
        if item["class"] == "Input":
            tensors[item["name"]] = keras.Input(told["shape"], name=item["name"])
            continue
        inputs = [tensors[name] for name in item["in"]]
        layer = getattr(keras.layers, item["class"])(name=item["name"], **told)
        tensors[item["name"]] = layer(inputs[0] if len(inputs) == 1 else inputs)
    return keras.Model(tensors[spec[0]["name"]], tensors[spec[-1]["name"]])


def measured(name: str) -> tuple[ForgivingFactor, dict[str, Any]]:
    entry = MODELS[name]
    told = {"config": entry["config"]} if entry["goal"] == "bits" else entry["options"]
    factor = forgiving_factor[entry["goal"]](8.0, 8.0, 2.0, **told)
    model = built(entry["model"])
    factor.get_reference(model)
    factor.get_trial(utils.model_quantize(model, entry["quantizer_config"], entry["activation_bits"]))
    return factor, entry


@pytest.mark.parametrize("name", NUMBERS)
def test_delta_and_score_are_those_of_qkeras(name: str) -> None:
    entry = NUMBERS[name]
    factor = Told(entry["delta_p"], entry["delta_n"], entry["rate"], entry["stress"])
    assert factor.get_reference(entry["reference_before_stress"]) == pytest.approx(
        entry["reference_before_stress"] * entry["stress"], rel=1e-15
    )
    factor.get_trial(entry["trial"])
    assert factor.delta() == pytest.approx(entry["delta"], rel=1e-14, abs=1e-16)
    for metric, score in entry["score"].items():
        assert float(metric) * (1 + factor.delta()) == pytest.approx(score, rel=1e-14)


@pytest.mark.filterwarnings("ignore:model_quantize")
@pytest.mark.parametrize("name", WORKING)
def test_sizes_of_models_their_layers_and_their_factor_are_those_of_qkeras(name: str) -> None:
    factor, entry = measured(name)
    assert factor.reference_size == entry["reference"]
    assert factor.trial_size == entry["trial"]
    assert factor.get_total_factor() == pytest.approx(entry["total_factor"], rel=1e-15)
    assert factor.delta() == pytest.approx(entry["delta"], rel=1e-14)
    for which, ours in (("reference", factor.get_reference_stats()), ("trial", factor.get_trial_stats())):
        if entry["goal"] == "bits":
            assert dict(ours) == entry[f"{which}_layers"]
        else:
            theirs = {layer: told for layer, told in entry[f"{which}_energy"].items() if layer != "total_cost"}
            assert {n: {"class_name": p["class_name"], "energy": p["energy"]} for n, p in ours.items()} == theirs


@pytest.mark.parametrize("name", [name for name in MODELS if name not in WORKING])
def test_what_qkeras_has_no_type_for_is_refused_by_name(name: str) -> None:
    # The record holds no model: this is the one of its sibling that counts bits.
    entry = MODELS[name.replace("energy", "bits").rpartition("_")[0] + "_4"]
    model = built(entry["model"])
    quantized = utils.model_quantize(model, entry["quantizer_config"], entry["activation_bits"])
    with pytest.raises(UnknownQuantizer, match="quantized_sigmoid"):
        forgiving_factor["energy"](8.0, 8.0, 2.0).get_trial(quantized)
    assert forgiving_factor["energy"](8.0, 8.0, 2.0, coverage="complete").get_trial(quantized) > 0
