"""Keras == graph == netlist == simulated RTL, bit for bit, on random models and corner vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.random_convolutions import random_convolution_model
from tests.random_models import random_inputs, random_model, random_sequence_model

from bitwright.backends.verilog import pack, unpack
from bitwright.core.progress import Silent
from bitwright.flow.compiling import compile_model
from bitwright.flow.design import Design
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.flow.verification import verify
from bitwright.ir import graph as graphs
from bitwright.toolchain import Ports, build, combine

pytestmark = pytest.mark.usefixtures("cheap_first_weights")
LARGE = (4, 5, 10)  # most of the work of the first sixteen
SAMPLED = [seed for seed in range(16) if seed not in LARGE]
MANY = range(16, 216)
# All recurrent kinds, both directions, attention with and without normalization.
SEQUENCES = (2, 3, 9, 14, 18, 30)
MANY_SEQUENCES = range(31, 71)
CONVOLUTIONS = range(8)
MANY_CONVOLUTIONS = range(8, 88)


def _design(seed: int, make: Callable[[int], Any]) -> tuple[Design, list[np.ndarray]]:
    model = make(seed)
    return compile_model(model, name=model.name, clock_mhz=300.0), random_inputs(model, seed)


def _compared(seeds: Iterable[int], make: Callable[[int], Any] = random_model) -> list[Design]:
    designs = []
    for seed in seeds:
        design, x = _design(seed, make)
        certificate = verify(design, x, rtl=False, workdir=None, progress=Silent())
        assert certificate.differences == 0
        designs.append(design)
    return designs


def _simulated(designs: list[Design], folder: Path) -> None:
    """All designs in one simulator: random and corner codes, one sample a cycle."""
    files, tops, emitted = [], [], []
    for design in designs:
        made = design.emit()
        for name in made.sources:
            path = folder / design.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made.files[name])
            files.append(path)
        sides = [tuple((p.name, p.bits) for p in made.ports if p.direction == d) for d in ("input", "output")]
        tops.append((made.top, Ports(*sides)))
        emitted.append(made)
    both = combine(tops)
    wrapper = folder / "all.v"
    wrapper.write_text(both.text)
    vectors = [
        [np.concatenate(c) for c in zip(random_codes(d.graph, 200, 1), corner_codes(d.graph, 1), strict=True)]
        for d in designs
    ]
    longest = max(e.latency_cycles for e in emitted)
    with build([*files, wrapper], both.top, both.ports, folder / "sim") as simulation:
        fed = {}
        for prefix, made, codes in zip(both.prefixes, emitted, vectors, strict=True):
            inputs = [p for p in made.ports if p.direction == "input"]
            for port, values in zip(inputs, codes, strict=True):
                fed[f"{prefix}{port.name}"] = np.pad(pack([values], [port]), ((0, longest), (0, 0)), mode="edge")
        seen = simulation.run(fed)
    for prefix, made, codes, design in zip(both.prefixes, emitted, vectors, designs, strict=True):
        golden = graphs.run(design.graph, codes)
        outputs = [p for p in made.ports if p.direction == "output"]
        for port, expected in zip(outputs, golden, strict=True):
            words = seen[f"{prefix}{port.name}"][made.latency_cycles :][: len(expected)]
            assert np.array_equal(unpack(words, [port])[0], expected), design.name


def test_keras_graph_netlist_and_rtl_agree_on_random_models(tmp_path: Path) -> None:
    _simulated(_compared(SAMPLED), tmp_path)


def test_keras_graph_netlist_and_rtl_agree_on_recurrent_and_attentive_models(tmp_path: Path) -> None:
    _simulated(_compared(SEQUENCES, random_sequence_model), tmp_path)


def test_keras_graph_netlist_and_rtl_agree_on_separable_transposed_folded_and_adaptive_layers(tmp_path: Path) -> None:
    _simulated(_compared(CONVOLUTIONS, random_convolution_model), tmp_path)


@pytest.mark.long
def test_keras_graph_netlist_and_rtl_agree_on_large_random_models(tmp_path: Path) -> None:
    _simulated(_compared(LARGE), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("start", range(MANY.start, MANY.stop, 25))
def test_keras_graph_netlist_and_rtl_agree_on_two_hundred_random_models(start: int, tmp_path: Path) -> None:
    _simulated(_compared(range(start, min(start + 25, MANY.stop))), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("start", range(MANY_SEQUENCES.start, MANY_SEQUENCES.stop, 8))
def test_keras_graph_netlist_and_rtl_agree_on_forty_models_of_sequences(start: int, tmp_path: Path) -> None:
    _simulated(_compared(range(start, start + 8), random_sequence_model), tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("start", range(MANY_CONVOLUTIONS.start, MANY_CONVOLUTIONS.stop, 16))
def test_keras_graph_netlist_and_rtl_agree_on_eighty_models_of_convolutions(start: int, tmp_path: Path) -> None:
    _simulated(_compared(range(start, start + 16), random_convolution_model), tmp_path)
