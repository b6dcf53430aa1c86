"""HGQ2, HGQ-LUT and HGQ 1 files in: equal to HGQ2's own predict, and to the tables of HGQ 1's quantizers."""

import os
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.flow import load_model
from bitwright.layers import QEdgeTables, QFixedPoint

FILES = Path(__file__).parent / "hgq_files"
SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
PAIRS = np.load(FILES / "pairs.npz")
NAMES = sorted({key.partition(".")[0] for key in PAIRS})
QUICK = ("bn", "conv2d", "merge", "table", "unary")
TABLES = {path.name.split("ebops=")[1].split("-")[0]: path for path in SHARED.glob("reference_models/hgq_lut_jsc/*")}
PROXIES = sorted(SHARED.glob("reference_models/hls4ml_example_models/hgq_*.h5"))


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.long) for n in NAMES])
def test_a_file_of_hgq2_gives_what_hgq2_predicts(name):
    model = load_model(FILES / f"{name}.keras")
    inputs = [PAIRS[key] for key in (f"{name}.x0", f"{name}.x1") if key in PAIRS]
    x, y = inputs if len(inputs) > 1 else inputs[0], PAIRS[f"{name}.y"]
    assert np.array_equal(model.predict(x, verbose=0), y)
    assert np.array_equal(bw.compile(model).predict(x), y)


def test_a_model_read_from_hgq2_saves_and_loads_as_ours(tmp_path):
    bw.import_model(FILES / "table.keras", tmp_path / "ours.keras")
    assert b"hgq." not in (tmp_path / "ours.keras").read_bytes()
    again = load_model(tmp_path / "ours.keras")
    assert {type(layer) for layer in again.layers} >= {QEdgeTables}
    assert np.array_equal(again.predict(PAIRS["table.x0"], verbose=0), PAIRS["table.y"])


@pytest.mark.long
@pytest.mark.parametrize("name", ["dense", "conv1d", "table", "merge"])
def test_simulated_hardware_of_a_file_of_hgq2_is_exact(name):
    design = bw.compile(FILES / f"{name}.keras", effort=0)
    inputs = [PAIRS[key] for key in (f"{name}.x0", f"{name}.x1") if key in PAIRS]
    certificate = design.verify(inputs if len(inputs) > 1 else inputs[0])
    assert certificate.differences == 0
    assert any("RTL" in c.after for c in certificate.comparisons)


@pytest.mark.parametrize(
    ("name", "told"), [("softmax", "QSoftmax.*logits"), ("table_rows", "table neurons on samples")]
)
def test_what_is_not_read_is_refused_by_name_with_a_way_out(name, told):
    with pytest.raises(Unsupported, match=told.partition(".*")[0]) as caught:
        load_model(FILES / f"{name}.keras")
    assert caught.value.remedy
    assert "layer 'q_" in str(caught.value)


def test_a_truncated_file_of_hgq2_is_an_invalid_model(tmp_path):
    import zipfile

    with (
        zipfile.ZipFile(FILES / "dense.keras") as whole,
        zipfile.ZipFile(tmp_path / "part.keras", "w") as part,
    ):
        part.writestr("config.json", whole.read("config.json"))
        part.writestr("metadata.json", whole.read("metadata.json"))
        part.writestr("model.weights.h5", whole.read("model.weights.h5")[:3000])
    with pytest.raises(InvalidModel, match="weights"):
        load_model(tmp_path / "part.keras")


@pytest.mark.skipif(not TABLES, reason="the reference models are not here")
@pytest.mark.parametrize(
    "ebops", [e if e in ("1439", "850") else pytest.param(e, marks=pytest.mark.long) for e in sorted(TABLES)]
)
def test_published_table_neurons_give_what_hgq2_recorded(ebops):
    x = (np.random.default_rng(2026).integers(-4096, 4096, size=(1200, 16)) / 1024).astype(np.float32)
    codes = np.load(FILES / "jets.npz")[ebops]
    assert np.array_equal(bw.compile(TABLES[ebops]).predict(x) * 256, codes)


@pytest.mark.skipif("BENCH_HGQ_PYTHON" not in os.environ, reason="BENCH_HGQ_PYTHON names no environment with HGQ2")
@pytest.mark.skipif(not TABLES, reason="the reference models are not here")
@pytest.mark.parametrize("ebops", sorted(TABLES))
def test_published_table_neurons_equal_hgq2_on_jets_and_random_inputs(ebops, tmp_path):
    jets = np.load(SHARED / "jets_hlf_pythia/jets_hlf_pythia.npz")
    train = jets["x_train"].astype(np.float64)
    real = (jets["x_test"][:10000] - train.mean(axis=0)) / train.std(axis=0)
    x = np.concatenate([real, 4 * np.random.default_rng(1).normal(size=(10000, 16))]).astype(np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    script = Path(__file__).with_name("hgq_oracle.py")
    told = [script, TABLES[ebops], tmp_path / "in.npz", tmp_path / "out.npz"]
    subprocess.run([os.environ["BENCH_HGQ_PYTHON"], *told], check=True, capture_output=True)
    assert np.array_equal(bw.compile(TABLES[ebops]).predict(x), np.load(tmp_path / "out.npz")["y"])


@pytest.mark.skipif(not PROXIES, reason="the reference models are not here")
@pytest.mark.parametrize("path", PROXIES, ids=lambda path: path.stem)
def test_every_quantizer_of_an_hgq_1_proxy_keeps_to_the_table_in_its_file(path):
    model = load_model(path)
    rng = np.random.default_rng(3)
    shape = (200, *model.input_shape[1:])
    x = (rng.normal(size=shape) * 4 if len(shape) == 2 else rng.random(size=shape) * 4).astype(np.float32)
    y = x
    with h5py.File(path) as file:
        for layer in model.layers[1:]:
            if not isinstance(layer, QFixedPoint):
                y = np.asarray(layer(y))
                continue
            stored = file["model_weights"][f"{layer.name}"]
            told = [np.asarray(stored[f"{name}:0"], dtype=np.int64) for name in ("keep_negative", "bits", "integers")]
            y = _of_the_table(y, *told, half_up=layer.rounding is bw.Rounding.HALF_UP)
    assert np.array_equal(bw.compile(model).predict(x), y)


def _of_the_table(x, sign, bits, integer, half_up):
    """HGQ 1's fixed<bits, integers>: rounded down (or half up), and the low bits kept."""
    step = 2.0 ** (integer - bits)
    codes = np.floor(x.astype(np.float64) / step + (0.5 if half_up else 0.0))
    size = 2.0**bits
    codes = np.mod(codes, size)
    codes = np.where((sign > 0) & (codes >= size / 2), codes - size, codes)
    return np.where(bits > 0, codes * step, 0.0).astype(np.float32)
