"""The C++ emulator equals the graph bit for bit: random graphs, many to a program, under sanitizers."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.generate_graphs import random_graph
from tests.tools.emulators import STRICT, Case, build, case, differing, doors

from bitwright.backends.cpp import EmulatorFiles, emulator
from bitwright.backends.cpp.loader import Emulator
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops, run
from bitwright.ir.interface import Decoder, GridEncoder, Head, LevelEncoder, RoundEncoder
from bitwright.numeric import Ints, Steps

SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SEEDS = (142, 366, 393, 9, 23)


def graphs(seeds: Sequence[int]) -> list[Graph]:
    return [random_graph(random.Random(seed), nodes=14, wide=seed % 3 == 0) for seed in seeds]


def cases(seeds: Sequence[int]) -> list[Case]:
    return [case(graph, f"net{seed}", seed=seed) for graph, seed in zip(graphs(seeds), seeds, strict=True)]


def test_the_graphs_of_the_quick_test_hold_every_operator() -> None:
    live = [n for graph in graphs(SEEDS) for n, alive in zip(graph.nodes, graph.live(), strict=True) if alive]
    forms = {type(node.op.form).__name__ for node in live if isinstance(node.op, ops.Map)}
    assert {type(node.op).__name__ for node in live} >= set(ops.__all__) - {"GraphOp", "Writable"}
    assert forms == {"ShiftRoundSaturate", "Thresholds", "Table"}


@pytest.mark.tool("g++")
def test_random_graphs_give_the_graphs_integers_and_floats_under_sanitizers(tmp_path: Path) -> None:
    made = cases(SEEDS)
    assert differing(made, build(made, tmp_path, ["g++", *STRICT, *SANITIZED])) == ""


@pytest.mark.tool("clang++")
def test_clang_gives_the_same_without_a_warning_under_sanitizers(tmp_path: Path) -> None:
    made = cases(SEEDS[:1])
    assert differing(made, build(made, tmp_path, ["clang++", *STRICT, *SANITIZED])) == ""


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("compiler", ["g++", pytest.param("clang++", marks=pytest.mark.tool("clang++"))])
@pytest.mark.parametrize(
    "flags",
    [SANITIZED, ("-O3",), ("-O3", "-march=native"), ("-O1", "-U__SSE2__")],
    ids=["sanitized", "O3", "native", "no SIMD"],
)
@pytest.mark.parametrize("first", range(100, 200, 20))
def test_a_hundred_random_graphs_on_every_compiler(
    compiler: str, flags: tuple[str, ...], first: int, tmp_path: Path
) -> None:
    made = cases(range(first, first + 20))
    assert differing(made, build(made, tmp_path, [compiler, *STRICT, *flags])) == ""


@pytest.mark.tool("g++")
def test_a_wrong_answer_is_seen(tmp_path: Path) -> None:
    made = case(tiny(3), "net")
    made.calls[0].wanted[0][5] ^= 1
    assert differing([made], build([made], tmp_path, ["g++", *STRICT])) == "net run\n"


def tiny(factor: int) -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType((2,), Ints(-8), Ints(7), Steps.of(0.25)), "x")
    weights, bias = Ints([[factor, 1], [2, -factor]]), Ints([1, 0])
    y = builder.apply(ops.Dense(weights, bias), [x], step=Steps.of(0.5), name="fc1")
    return builder.graph("net", [y])


def loaded(graph: Graph, folder: Path, version: str = "", heads: Sequence[Head] = ()) -> Emulator:
    """The graph's emulator as a shared library."""
    encoders, decoders = doors(graph)
    decoders = [Decoder(d.step, h) for d, h in zip(decoders, heads, strict=True)] if heads else decoders
    return shared(emulator(graph, encoders, decoders, name="net", version=version), folder)


def shared(files: EmulatorFiles, folder: Path) -> Emulator:
    """An emulator called `net`, compiled and loaded."""
    folder.mkdir()
    for name, text in files.files.items():
        (folder / name).write_text(text)
    command = ["g++", *STRICT, "-shared", "-fPIC", "net_c.cpp", "-o", "libnet.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return Emulator(folder / "libnet.so", files.namespace)


@pytest.mark.tool("g++")
def test_two_versions_of_a_model_in_one_process_give_each_its_own_answers(tmp_path: Path) -> None:
    old, new = (loaded(tiny(k), tmp_path / f"v{k}", f"{k}.0") for k in (3, 5))
    codes = np.array([[7, -8], [1, 2]])
    for emulator_, factor in ((old, 3), (new, 5), (old, 3)):
        assert (emulator_.name, emulator_.version) == ("net", f"{factor}.0")
        np.testing.assert_array_equal(emulator_.run(codes), run(tiny(factor), [codes])[0])
    assert old.hash != new.hash


@pytest.mark.tool("g++")
def test_the_loader_refuses_what_the_network_cannot_read(tmp_path: Path) -> None:
    net = loaded(tiny(3), tmp_path / "net")
    for wrong, words in (
        (np.zeros((4, 3), np.float32), "shape"),
        (np.full((4, 2), np.nan, np.float32), "NaN"),
        ([np.zeros((4, 2))] * 2, "2 arrays for 1 inputs"),
    ):
        with pytest.raises(ValueError, match=words):
            net.predict(wrong)
    with pytest.raises(ValueError, match="outside the range"):
        net.run(np.array([[8, 0]]))
    assert net.predict(np.zeros((0, 2))).shape == (0, 2)
    assert net.predict_codes(np.zeros((1, 2))).dtype == np.int8


@pytest.mark.tool("g++")
def test_every_door_rounds_as_the_designs_own_encoder_does(tmp_path: Path) -> None:
    encoders = [
        RoundEncoder(0, Fraction(1, 16), -128, 127),
        RoundEncoder(0, Fraction(1, 255), 0, 255),
        RoundEncoder(0, Fraction(1, 1 << 20), -(1 << 23), (1 << 23) - 1),
        RoundEncoder(0, Fraction(3, 7), -(1 << 40), 1 << 40),
        GridEncoder(0, Steps.of([Fraction(1, 8), Fraction(1, 3)]), Ints([-9, 0]), Ints([5, 1 << 30])),
        levels([[-1.5, 0.0, 0.25], [0.1, np.inf, np.inf]], [2, -1], [-1, 1]),
        levels([np.linspace(-2, 2, 40)], [0], [1]),
        levels([[]], [3], [1]),
    ]
    builder = GraphBuilder()
    for i, encoder in enumerate(encoders):
        builder.input(TensorType((2,), *ends(encoder), Steps.of(1)), f"x{i}")
    count = len(encoders)
    graph = builder.graph("net", list(range(count)))
    net = shared(emulator(graph, encoders, [Decoder(Steps.of(Fraction(3, 16)))] * count, name="net"), tmp_path / "net")
    rng = np.random.default_rng(0)
    ties = (np.arange(-400, 400) / 32, np.arange(-60, 60) * 3 / 14, np.arange(40) / 510)
    odd = [0.0, -0.0, np.inf, -np.inf, 1e30, -1e30, 1e-40, 0.1, 0.25, 3.4e38]
    x = np.concatenate([rng.normal(size=800) * 3, *ties, odd]).astype(np.float32)
    x = np.stack([x, x], axis=1)
    for encoder, found, values in zip(encoders, net.predict_codes(x), net.predict(x), strict=True):
        np.testing.assert_array_equal(found, encoder(x), err_msg=repr(encoder))
        np.testing.assert_array_equal(values, Decoder(Steps.of(Fraction(3, 16)))(encoder(x)))


def levels(rows: Sequence[Sequence[float]], base: Sequence[int], direction: Sequence[int]) -> LevelEncoder:
    return LevelEncoder(0, np.array(rows, np.float32).reshape(len(rows), -1), np.array(base), np.array(direction))


def ends(encoder: RoundEncoder | GridEncoder | LevelEncoder) -> tuple[Ints, Ints]:
    """The range of an encoder's codes."""
    if isinstance(encoder, LevelEncoder):
        reach = encoder.base + encoder.direction * encoder.levels.shape[1]
        return Ints(np.minimum(encoder.base, reach)), Ints(np.maximum(encoder.base, reach))
    return Ints(encoder.low), Ints(encoder.high)


@pytest.mark.tool("g++")
@pytest.mark.long
def test_random_keras_models_give_the_designs_values(tmp_path: Path) -> None:
    from tests.random_models import random_inputs, random_model

    from bitwright.core.errors import BitwrightError
    from bitwright.flow.compiling import compile_model

    for seed in range(12):
        try:
            design = compile_model(model := random_model(seed), name="net")
        except BitwrightError:
            continue  # refused by name, which other tests look at
        net = shared(emulator(design.graph, design.encoders, design.decoders, name="net"), tmp_path / f"{seed}")
        x = random_inputs(model, seed)
        found, wanted = (p(x if len(x) > 1 else x[0]) for p in (net.predict, design.predict))
        pairs = zip(*((v if isinstance(v, list) else [v]) for v in (found, wanted)), design.decoders, strict=True)
        for ours, theirs, decoder in pairs:
            tolerance = 0 if decoder.head is Head.NONE else 2e-6
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.tool("g++")
def test_heads_are_computed_in_float_behind_exact_logits(tmp_path: Path) -> None:
    graph = tiny(3)
    builder_graph = replace(graph, outputs=graph.outputs * 5)
    net = loaded(builder_graph, tmp_path / "net", heads=list(Head))
    x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    found = net.predict(x)
    logits = found[0]
    for head, values in zip(Head, found, strict=True):
        np.testing.assert_allclose(values, head(logits), rtol=3e-6, atol=1e-7)
    np.testing.assert_array_equal(logits, doors(graph)[1][0](run(graph, [doors(graph)[0][0](x)])[0]))


@pytest.mark.tool("g++")
def test_a_design_builds_its_emulator_and_writes_it(tmp_path: Path) -> None:
    from bitwright.flow.matrix import compile_matrix

    design = compile_matrix([[3, -5], [7, 1]], input_format="s4.0", name="two by two")
    built = design.build_emulator(version="7")
    x = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32) * 4
    np.testing.assert_array_equal(built.predict(x), design.predict(x))
    np.testing.assert_array_equal(built.predict_codes(x), design.predict_codes(x))
    assert built.version == "7"
    design.write(tmp_path / "all", vectors=1)
    names = {p.name for p in (tmp_path / "all" / "emulator").iterdir()}
    assert names == {"two_by_two.h", "two_by_two_c.h", "two_by_two_c.cpp", "CMakeLists.txt", "emulator.py"}
    design.write(tmp_path / "less", vectors=1, emulator=False)
    assert not (tmp_path / "less" / "emulator").exists()


@pytest.mark.tool("cmake", "make", "g++")
def test_the_commands_of_the_manifest_build_a_library_that_its_own_loader_reads(tmp_path: Path) -> None:
    from tests.project_designs import architecture

    design = architecture("engine")
    folder = design.write(tmp_path, vectors=1, emulator=True)
    told = json.loads((folder / "manifest.json").read_text())["emulator"]
    for command in told["commands"]:
        done = subprocess.run(command.split(), cwd=folder / told["folder"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    (library,) = (folder / told["folder"] / "build").glob("*.so")
    code = (
        "import sys, numpy as np; from emulator import Emulator; e = Emulator(sys.argv[1])\n"
        "np.save('codes.npy', e.run(np.load('given.npy')))"
    )
    given = random_codes(design.graph, 50, 0)[0]
    np.save(folder / "emulator/given.npy", given)
    subprocess.run([sys.executable, "-c", code, str(library)], cwd=folder / "emulator", check=True)
    np.testing.assert_array_equal(np.load(folder / "emulator/codes.npy"), run(design.graph, [given])[0])
