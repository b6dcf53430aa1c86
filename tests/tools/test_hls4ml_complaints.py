"""What users of hls4ml complain of, where no other test shows it: docs/from_hls4ml.md lists all of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.stream_programs import codes, folded
from tests.tools.hls_programs import build_and_run

from bitwright.backends.cpp.project import Target
from bitwright.backends.cpp.streaming import stream_project
from bitwright.flow.hls import Hls, hls_files
from bitwright.flow.matrix import compile_matrix
from bitwright.ir.dataflow import run
from bitwright.passes.buffer import Buffer

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "from_hls4ml.md"


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_plain_keras_classifier_with_a_softmax_keeps_its_accuracy() -> None:
    """hls4ml 1.3 with its defaults takes such a model from 87 % to 13 to 25 %, without a word."""
    import keras
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    from bitwright.flow.compiling import compile_model
    from bitwright.train.convert import Bits, quantize

    x, labels = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    fitted = MLPClassifier((24,), max_iter=25, learning_rate_init=0.01, random_state=0).fit(x[:1200], labels[:1200])
    entry = keras.Input((64,))
    hidden = keras.layers.Dense(24, activation="relu", name="hidden")(entry)
    model = keras.Model(entry, keras.layers.Dense(10, activation="softmax", name="classes")(hidden))
    for layer, kernel, bias in zip(model.layers[1:], fitted.coefs_, fitted.intercepts_, strict=True):
        layer.set_weights([kernel, bias])
    quantized = quantize(model, {"*": Bits(weights=8, activations=8, activation_integer=4)})
    design = compile_model(quantized, input_format="u5.4")
    test, wanted = x[1200:], labels[1200:]
    found = np.asarray(design.predict(test))
    before = (model.predict(test, verbose=0).argmax(1) == wanted).mean()
    assert before > 0.85
    assert (found.argmax(1) == wanted).mean() >= before - 0.02
    assert np.allclose(found.sum(1), 1.0, atol=1e-5)


def test_no_product_is_too_many_to_unroll_and_no_loop_is_left() -> None:
    """hls4ml in strategy latency stops at 4096 products of a layer: the vendor's limit of unrolled loops."""
    weights = np.random.default_rng(0).integers(-3, 4, (80, 64))
    source = hls_files(compile_matrix(weights.tolist(), input_format="s4.0", name="wide"), Hls(), vectors=1).files[
        "wide.cpp"
    ]
    assert weights.size > 4096
    assert "for (" not in source
    assert "unroll" not in source
    assert "allocation" not in source


@pytest.mark.tool("g++")
def test_layers_may_be_called_like_anything_in_the_code_around_them(tmp_path: Path) -> None:
    """Two designs with the same layers in one program, and layers named as functions, namespaces and types are."""
    program = Buffer()(folded())
    names = ("main", "std", "bw_stream", "main_unit")
    renamed = [replace(node, name=name) for node, name in zip(program.nodes, names, strict=True)]
    projects = []
    for top, made in (("one", program), ("two", program), ("give", replace(program, nodes=tuple(renamed)))):
        given = codes(made, 2)
        projects.append(stream_project(made, Target("catapult"), name=top, vectors=(given, run(made, given))))
    told = build_and_run(projects, tmp_path, "-DBW_SIMULATION")
    assert told == "".join(f"{top}: 2 vectors, 0 numbers differ\n" for top in ("one", "two", "give"))


def test_every_complaint_names_tests_that_are_there() -> None:
    rows = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(rows) == 15
    for *_, shown, _ in rows:
        for path, claim in re.findall(r"`(?:(?=tests/)|(?=test_))([\w/.]+)`(?:: ([\w ,]+))?", shown):
            found = list(ROOT.glob(path) if "/" in path else ROOT.glob(f"tests/**/{path}"))
            assert found, path
            words = re.sub(r"\W+", "_", claim.strip()).lower()
            assert not claim or any(f"def test_{words}" in p.read_text() for p in found), claim
