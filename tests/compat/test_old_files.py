"""Files of QKeras and Keras 2 load as our models and compute what they computed, without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from tests.compat.keras2_files import call, entry, functional, layer, outputs, write_h5, write_json, write_weights

import bitwright as bw
from bitwright import layers as bl
from bitwright.core.errors import BitwrightError, InvalidModel, StorageError
from bitwright.flow import import_model, load_model

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the models that other programs wrote."""
    folder = tmp_path_factory.mktemp("old")
    with zipfile.ZipFile(HERE / "old_files/models.zip") as archive:
        archive.extractall(folder)
    return folder


def equal(model: Any, stored: Path, tolerance: float = 1e-6) -> None:
    with np.load(stored) as told:
        for index, found in enumerate(outputs(model, told["x"])):
            np.testing.assert_allclose(found, told[f"y{index}"], atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("zoo.h5", "zoo"), ("ops.h5", "ops"), ("rnn.json", "rnn"), ("seq.json", "seq"), ("seq.keras", "seq"),
        ("v3_dense.keras", "v3_dense"), ("v3_dense.h5", "v3_dense"), ("v3_conv.keras", "v3_conv"),
        ("v3_bn.keras", "v3_bn"), ("v3_rnn.keras", "v3_rnn"), ("v3_pool.keras", "v3_pool"),
        ("v3_separable_transposed.keras", "v3_separable_transposed"), ("v3_sequence.keras", "v3_sequence"),
        ("v3_depthwise_transposed.keras", "v3_depthwise_transposed"), ("v3_sequence.h5", "v3_sequence"),
    ],
)  # fmt: skip
def test_a_model_computes_what_the_program_that_wrote_it_computed(file: str, name: str, old: Path) -> None:
    equal(load_model(old / file), old / f"{name}_io.npz")


def test_an_imported_model_is_an_ordinary_keras_file(old: Path, tmp_path: Path) -> None:
    found = import_model(old / "rnn.json", tmp_path / "new/rnn.keras")
    again = keras.models.load_model(found.path)
    assert found.weights == again.count_params()
    equal(again, old / "rnn_io.npz")


def test_an_imported_model_goes_on_training(old: Path) -> None:
    model = load_model(old / "v3_dense.keras")
    model.compile("sgd", "categorical_crossentropy")
    with np.load(old / "v3_dense_io.npz") as told:
        losses = model.fit(told["x"], told["y0"], epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()


def test_nothing_of_tensorflow_is_imported(old: Path) -> None:
    code = (
        "import sys; from bitwright.flow import load_model; load_model(sys.argv[1]);"
        "assert not {'tensorflow', 'qkeras', 'tf_keras'} & set(sys.modules)"
    )
    if keras.backend.backend() == "tensorflow":
        pytest.skip("the backend itself is TensorFlow")
    subprocess.run([sys.executable, "-c", code, old / "zoo.h5"], check=True)


# ---- layouts written by hand -------------------------------------------------------------------------

BITS = {"class_name": "quantized_bits", "config": {"bits": 4, "integer": 0, "symmetric": 1, "alpha": 1,
        "keep_negative": True, "use_stochastic_rounding": False, "qnoise_factor": 1.0}}  # fmt: skip
PASSIVE = {**BITS, "__passive_serialization__": True}
HE = {"class_name": "HeNormal", "config": {"seed": None}, "__passive_serialization__": True}
TWICE = {"class_name": "QInitializer", "config": {"initializer": {"class_name": "QInitializer", "config": {
    "initializer": HE, "use_scale": True, "quantizer": PASSIVE}}, "use_scale": True, "quantizer": PASSIVE}}  # fmt: skip
CLIP = {"class_name": "Clip", "config": {"min_value": -1, "max_value": 1}}
Q_DENSE = {
    "activation": "linear", "use_bias": True, "kernel_initializer": TWICE, "bias_initializer": {
        "class_name": "Zeros", "config": {"dtype": "float32"}}, "kernel_regularizer": {
        "class_name": "L1L2", "config": {"l1": 0.0, "l2": 1e-4}}, "bias_regularizer": None,
    "activity_regularizer": None, "kernel_constraint": CLIP, "bias_constraint": CLIP, "kernel_quantizer": BITS,
    "bias_quantizer": "quantized_bits(5,1,alpha=1)", "kernel_range": None, "bias_range": None,
}  # fmt: skip


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)


def kernel_and_bias(name: str, rows: int, columns: int, seed: int = 0) -> tuple[str, list[tuple[str, np.ndarray]]]:
    arrays = [(f"{name}/kernel:0", drawn(rows, columns, seed=seed)), (f"{name}/bias:0", drawn(columns, seed=seed + 1))]
    return name, arrays


def small() -> dict[str, Any]:
    """What QKeras 0.9 wrote for an input quantizer, a QDense, a batch norm over an axis list and a ReLU."""
    return functional([
        entry("x", 3),
        layer("QActivation", "qx", "x", activation="quantized_bits(6,2,alpha=1)"),
        layer("QDense", "fc", "qx", units=2, **Q_DENSE),
        layer("BatchNormalization", "bn", "fc", axis=[1], momentum=0.99, epsilon=0.001, center=True, scale=True),
        layer("QActivation", "act", "bn", activation={**PASSIVE, "class_name": "quantized_relu",
              "config": {"bits": 4, "integer": 1, "use_sigmoid": 0, "negative_slope": 0.0}}),
    ])  # fmt: skip


def small_weights() -> dict[str, list[tuple[str, np.ndarray]]]:
    norm = [(f"bn/{word}:0", np.abs(drawn(2, seed=i + 5)) + 0.2)
            for i, word in enumerate(("gamma", "beta", "moving_mean", "moving_variance"))]  # fmt: skip
    return {"x": [], "qx": [], **dict([kernel_and_bias("fc", 3, 2)]), "bn": norm, "act": []}


def small_again() -> Any:
    """The same model, written with our layers."""
    x = start = keras.Input((3,))
    x = bw.QActivation("quantized_bits(6,2,alpha=1)")(x)
    fc = bw.QDense(2, kernel_quantizer="quantized_bits(4,0,1,alpha=1)", bias_quantizer="quantized_bits(5,1,alpha=1)")
    norm = keras.layers.BatchNormalization(epsilon=0.001)
    model = keras.Model(start, bw.QActivation("quantized_relu(4,1)")(norm(fc(x))))
    weights = small_weights()
    fc.set_weights([array for _, array in weights["fc"]])
    norm.set_weights([array for _, array in weights["bn"]])
    return model


def test_a_qkeras_h5_is_the_model_written_with_our_layers(tmp_path: Path) -> None:
    model = load_model(write_h5(tmp_path / "old.h5", small(), small_weights()))
    x = drawn(64, 3, seed=9) * 4
    assert np.array_equal(outputs(model, x)[0], outputs(small_again(), x)[0])
    assert isinstance(model.get_layer("fc"), bw.QDense)
    assert model.get_layer("fc").kernel_constraint.max_value == 1
    assert model.get_layer("fc").kernel_quantizer.get_config()["symmetric"] == 1
    assert not isinstance(model.get_layer("fc").kernel_initializer.initializer, bl.QInitializer)


def test_a_pair_is_found_by_name_or_told(tmp_path: Path) -> None:
    told = write_json(tmp_path / "old.json", small())
    with pytest.raises(InvalidModel, match=r"old_weights\.h5"):
        load_model(told)
    weights = write_weights(tmp_path / "elsewhere.h5", small_weights(), chunks=2)
    x = drawn(16, 3)
    expected = outputs(small_again(), x)[0]
    assert np.array_equal(outputs(load_model(told, weights=weights), x)[0], expected)
    weights.rename(tmp_path / "old_weights.h5")
    assert np.array_equal(outputs(load_model(told), x)[0], expected)
    assert np.array_equal(bw.compile(told).predict(x), expected)


@pytest.mark.parametrize("name", ["v3_dense", "v3_bn"])
def test_a_json_of_qkeras_v3_takes_the_weights_that_keras_3_stores(name: str, old: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(old / f"{name}.keras") as archive:
        config = json.loads(archive.read("config.json"))
        (tmp_path / "new.weights.h5").write_bytes(archive.read("model.weights.h5"))
    equal(load_model(write_json(tmp_path / "new.json", config, "3.9.0")), old / f"{name}_io.npz")
    with pytest.raises(InvalidModel, match="do not fit"):
        load_model(write_json(tmp_path / "other.json", small()), weights=tmp_path / "new.weights.h5")


def test_weights_come_by_order_where_names_differ(tmp_path: Path) -> None:
    renamed = {f"{name}_1": arrays for name, arrays in small_weights().items()}
    model = load_model(
        write_json(tmp_path / "old.json", small()), weights=write_weights(tmp_path / "w.h5", renamed)
    )
    x = drawn(16, 3)
    assert np.array_equal(outputs(model, x)[0], outputs(small_again(), x)[0])


def test_pruning_wrappers_are_taken_off(tmp_path: Path) -> None:
    model = small()
    inner = model["config"]["layers"][2]
    wrapped = {"layer": {"class_name": "QDense", "config": inner["config"]}, "pruning_schedule": {
        "class_name": "ConstantSparsity", "config": {"target_sparsity": 0.5}}, "block_size": [1, 1]}  # fmt: skip
    model["config"]["layers"][2] = layer("PruneLowMagnitude", "prune_low_magnitude_fc", "qx", **wrapped)
    model["config"]["layers"][3]["inbound_nodes"][0][0][0] = "prune_low_magnitude_fc"
    weights = small_weights()
    kept = weights.pop("fc")
    weights["prune_low_magnitude_fc"] = [
        *kept, ("p/mask:0", np.ones((3, 2), np.float32)), ("p/threshold:0", np.float32(0)),
        ("p/pruning_step:0", np.int64(7)),
    ]  # fmt: skip
    loaded = load_model(write_h5(tmp_path / "pruned.h5", model, weights))
    x = drawn(16, 3)
    assert np.array_equal(outputs(loaded, x)[0], outputs(small_again(), x)[0])
    assert loaded.get_layer("fc").units == 2


def activated(kind: str, name: str, version: str, folder: Path) -> np.ndarray:
    model = functional([entry("x", 9), layer(kind, "act", "x", activation=name)])
    x = np.linspace(-4, 4, 9, dtype=np.float32)[None]
    return outputs(load_model(write_h5(folder / "act.h5", model, {"x": [], "act": []}, version)), x)[0][0]


def test_a_hard_sigmoid_means_what_it_meant_where_it_was_written(tmp_path: Path) -> None:
    x = np.linspace(-4, 4, 9, dtype=np.float32)
    meant = {
        ("Activation", "2.4.0"): 0.2 * x + 0.5, ("Activation", "3.1.0"): x / 6 + 0.5,
        ("QActivation", "2.4.0"): 0.5 * x + 0.5, ("QActivation", "3.1.0"): 0.5 * x + 0.5,
    }  # fmt: skip
    for (kind, version), line in meant.items():
        found = activated(kind, "hard_sigmoid", version, tmp_path)
        np.testing.assert_allclose(found, np.clip(line, 0, 1), atol=1e-6, err_msg=f"{kind} {version}")


def test_activations_from_before_qkeras_keep_their_ties(tmp_path: Path) -> None:
    x = np.linspace(-4, 4, 9)
    assert np.array_equal(activated("Activation", "binary_tanh", "2.0.5", tmp_path), np.where(x > 0, 1, -1))
    model = functional([entry("x", 5), layer("Activation", "act", "x", activation="ternary_tanh")])
    loaded = load_model(write_h5(tmp_path / "t.h5", model, {}))
    halves = np.array([[-1.5, -0.5, 0.4, 0.5, 0.6]], np.float32)
    assert np.array_equal(outputs(loaded, halves)[0], [[-1, 0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("kind", "expected"), [("BinaryDense", [-1, -1, -1, 1, 1]), ("TernaryDense", [-1, 0, 0, 0, 1])]
)
def test_dense_layers_from_before_qkeras_put_ties_where_they_did(
    kind: str, expected: list[int], tmp_path: Path
) -> None:
    model = functional(
        [entry("x", 5), layer(kind, "d", "x", units=1, H=1, kernel_lr_multiplier=7.3, use_bias=False)], kind="Model"
    )
    kernel = np.array([[-0.7], [-0.2], [0.0], [0.5], [0.6]], np.float32)
    loaded = load_model(write_h5(tmp_path / "d.h5", model, {"d": [("d/kernel:0", kernel)]}, "2.0.5"))
    assert outputs(loaded, np.eye(5, dtype=np.float32))[0][:, 0].tolist() == expected


def test_operations_of_tensorflow_become_layers(tmp_path: Path) -> None:
    def operation(name: str, function: str, *first: Any) -> dict[str, Any]:
        item = layer("TFOpLambda", name, function=function)
        return {**item, "inbound_nodes": [first[0] if len(first) == 1 else list(first)]}

    model = functional([
        entry("x", 4),
        operation("double", "math.multiply", call("x", y=2.0, name=None)),
        operation("flip", "math.subtract", ["_CONSTANT_VALUE", -1, 3.0, {"y": ["double", 0, 0]}]),
        operation("sum", "__operators__.add", call("flip", y=["x", 0, 0])),
        operation("both", "concat", call("sum", axis=-1), call("x", axis=-1)),
        operation("grid", "reshape", call("both", shape=[-1, 2, 4])),
        operation("turned", "transpose", call("grid", perm=[0, 2, 1])),
        operation("positive", "nn.relu", call("turned")),
    ])  # fmt: skip
    x = drawn(5, 4) * 3
    both = np.concatenate([3 - 2 * x + x, x], axis=-1)
    expected = np.maximum(both.reshape(-1, 2, 4).transpose(0, 2, 1), 0)
    loaded = load_model(write_h5(tmp_path / "ops.h5", model, {}))
    np.testing.assert_allclose(outputs(loaded, x)[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (layer("Lambda", "code", "x", function=["gASV", None, None]), "marshaled"),
        (layer("TFOpLambda", "op", "x", function="linalg.inv"), "tf.linalg.inv"),
        (layer("TFSMLayer", "saved", "x", filepath="elsewhere"), "runs code"),
        (layer("TextVectorization", "words", "x", vocabulary="/etc/passwd"), "another file"),
        (layer("QDanse", "d", "x", units=1), "QDense"),
        (layer("UnaryLUT", "h", "x"), "HGQ 1"),
        (layer("QActivation", "a", "x", activation="quantized_bots(3)"), "quantized_bits"),
        (layer("QActivation", "a", "x", activation={"class_name": "system", "config": {"command": "true"}}), "system"),
        (layer("QDense", "a", "x", units=1, kernel_quantizer={"class_name": "bits9", "config": {}}), "bits9"),
        (layer("LSTM", "r", "x", units=1, time_major=True), "time_major"),
        (layer("Dense", "n", "x", units=1, shiny=3), "shiny"),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else None,
)
def test_what_cannot_be_read_is_refused_by_name(item: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = write_h5(tmp_path / "no.h5", functional([entry("x", 3), item]), {})
    with pytest.raises(BitwrightError) as caught:
        load_model(path)
    assert str(path) in caught.value.where
    assert item["name"] in caught.value.where
    assert words in str(caught.value)
    assert caught.value.remedy


def test_a_custom_class_may_be_given(tmp_path: Path) -> None:
    class Doubled(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    path = write_h5(tmp_path / "own.h5", functional([entry("x", 3), layer("Doubled", "d", "x")]), {})
    model = load_model(path, custom_objects={"Doubled": Doubled})
    assert outputs(model, np.ones((1, 3), np.float32))[0].tolist() == [[2, 2, 2]]


def test_averages_of_an_adaptive_activation_set_its_integer_bits(tmp_path: Path) -> None:
    told = {"total_bits": 6, "current_step": 7, "symmetric": True, "quantization_delay": 0, "ema_freeze_delay": None,
            "ema_decay": 0.999, "per_channel": False, "po2_rounding": False, "relu_neg_slope": 0.0}  # fmt: skip
    item = layer("QAdaptiveActivation", "ad", "x", activation="quantized_relu", **told)
    averages = [("step:0", np.int64(7)), ("ad/ema_min:0", np.zeros(1, np.float32)),
                ("ad/ema_max:0", np.full(1, 3.5, np.float32))]  # fmt: skip
    model = load_model(write_h5(tmp_path / "ad.h5", functional([entry("x", 3), item]), {"ad": averages}))
    x = np.array([[-1.0, 3.1, 9.0]], np.float32)
    assert outputs(model, x)[0].tolist() == [[0, 3.125, 4 - 4 / 64]]


def test_a_sequential_model_without_a_shape_is_refused(tmp_path: Path) -> None:
    model = {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"name": "d", "units": 1}}]}
    with pytest.raises(InvalidModel, match="shape of its input"):
        load_model(write_h5(tmp_path / "s.h5", model, {}))


def damaged(folder: Path, change: Any) -> Path:
    model, weights = small(), small_weights()
    path = write_h5(folder / "bad.h5", model, weights)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def outside(file: Any) -> None:
    del file["model_weights/fc/fc/kernel:0"]
    file["model_weights/fc/fc/kernel:0"] = h5py.ExternalLink("/etc/passwd", "kernel")


def wrong_shape(file: Any) -> None:
    del file["model_weights/fc/fc/kernel:0"]
    file["model_weights/fc/fc/kernel:0"] = np.zeros((4, 2), np.float32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (outside, "missing or lies outside"),
        (wrong_shape, "(4, 2)"),
        (lambda file: file["model_weights/fc"].attrs.create("weight_names", [b"fc/kernel:0"]), "1 weights for 2"),
        (lambda file: file.attrs.modify("model_config", "["), "no JSON"),
        (lambda file: file.attrs.modify("model_config", "[" * 100_000), "no JSON"),
        (lambda file: file.attrs.modify("model_config", "{}"), "describes no model"),
        (lambda file: file.attrs.pop("model_config"), "weights alone"),
        (lambda file: file["model_weights"].pop("bn"), "'bn'"),
    ],
)
def test_damaged_files_say_what_is_wrong(change: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidModel) as caught:
        load_model(damaged(tmp_path, change))
    assert words in str(caught.value)
    assert caught.value.remedy


def test_a_graph_with_a_hole_is_refused(tmp_path: Path) -> None:
    model = small()
    model["config"]["layers"][2]["inbound_nodes"] = [[call("nobody")]]
    with pytest.raises(InvalidModel, match="waits for a tensor"):
        load_model(write_h5(tmp_path / "hole.h5", model, small_weights()))


def test_a_file_with_anything_out_of_place_loads_or_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    junk: list[Any] = [None, -1, "x", [], {}, [[]], {"class_name": "Dense"}, ["x", 0, 0], 1e9]
    refusals: list[BitwrightError] = []
    for turn in range(60):
        model = json.loads(json.dumps(small()))
        spots = list(places(model))
        holder, key = spots[rng.integers(len(spots))]
        if turn % 3:
            holder[key] = junk[rng.integers(len(junk))]
        else:
            del holder[key]
        try:
            load_model(write_h5(tmp_path / "odd.h5", model, small_weights()))
        except BitwrightError as error:
            refusals.append(error)
    assert len(refusals) > 20
    assert all(refusal.remedy and "odd.h5" in refusal.where for refusal in refusals)


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a configuration."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from places(value)


def test_imports_are_written_as_keras_files_only(old: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"model\.keras"):
        import_model(old / "zoo.h5", tmp_path / "zoo.h5")


@pytest.mark.backend
@pytest.mark.parametrize("name", ["zoo.h5", "rnn.json", "v3_dense.keras", "v3_bn.keras"])
def test_a_model_computes_the_same_on_this_backend(name: str, old: Path) -> None:
    equal(load_model(old / name), old / f"{name.partition('.')[0]}_io.npz", 1e-5)
