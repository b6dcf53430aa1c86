"""What the emitted emulator says and how it is named; that it computes is the business of tests/tools."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from bitwright.backends.cpp import EmulatorFiles, emulator
from bitwright.core.errors import InvalidValue
from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops
from bitwright.ir.interface import Decoder, Head, RoundEncoder
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps


def network(weight: int = 3, layer: str = "block/fc 1") -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType((3,), Ints(-8), Ints(7), Steps.of(0.25)), "x")
    weights, bias = Ints([[weight, -1], [0, 2], [1, 1]]), Ints([4, 0])
    y = builder.apply(ops.Dense(weights, bias), [x], step=Steps.of(0.125), name=layer, origin=Origin(layer))
    form = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([2]), Rounding.HALF_EVEN, Ints([0]), Ints([7]))
    z = builder.apply(ops.Map(form, Ints(0)), [y], step=Steps.of(0.5), name="relu", origin=Origin("relu"))
    return builder.graph("net", [z])


def emitted(graph: Graph, name: str = "tagger", version: str = "", head: Head = Head.NONE) -> EmulatorFiles:
    encoder, decoder = RoundEncoder(0, Steps.of(0.25).array[()], -8, 7), Decoder(Steps.of(0.5), head)
    return emulator(graph, [encoder], [decoder], name=name, version=version, header="for a test")


def test_the_emulator_of_a_small_network_reads_well(golden: Callable[[str, str], None]) -> None:
    text = emitted(network()).files["tagger.h"]
    golden("cpp/tagger.h", text[text.index("namespace layers {") : text.index("}  // inline namespace")])


def test_the_same_input_gives_the_same_files() -> None:
    assert emitted(network()) == emitted(network())


@pytest.mark.parametrize(
    "other",
    [
        lambda: emitted(network(weight=2)),
        lambda: emitted(network(layer="fc2")),
        lambda: emitted(network(), head=Head.SOFTMAX),
        lambda: emitted(network(), version="2"),
        lambda: emitted(network(), name="other"),
    ],
    ids=["weights", "layer name", "head", "version", "name"],
)
def test_whatever_changes_the_text_changes_the_namespace(other: Callable[[], EmulatorFiles]) -> None:
    assert other().namespace != emitted(network()).namespace


def test_everything_with_linkage_is_named_by_the_hash() -> None:
    files = emitted(network())
    header, source = files.files["tagger.h"], files.files["tagger_c.cpp"]
    assert header.count(f"namespace {files.namespace} {{") == 1
    before = header[: header.index(f"namespace {files.namespace} {{")]
    assert not re.search(r"^(inline|template|struct|namespace|int|const)\b", before, re.MULTILINE)
    functions = re.findall(r"^(?:int|const char\*) (\w+)\(", source, re.MULTILINE)
    assert {f.removeprefix(files.namespace) for f in functions} == {"_describe", "_predict", "_predict_codes", "_run"}


def test_the_description_tells_name_version_hashes_and_formats() -> None:
    graph, files = network(), emitted(network(), version="1.2")
    raw = re.search(r'description\[\] =\s*R"bw\((.*)\)bw"', files.files["tagger.h"])
    assert raw is not None
    told = json.loads(raw.group(1))
    assert (told["name"], told["version"], told["hash"]) == ("tagger", "1.2", files.hash)
    assert told["graph"] == graph.digest()
    assert told["inputs"] == [{"name": "x", "shape": [3], "type": "int8", "low": -8, "high": 7}]


def test_a_layer_may_be_called_anything() -> None:
    for name in ("std", "detail", "*/ int main() {}", "line\\", "INFINITY", "class", "é"):
        text = emitted(network(layer=name), name="std").files["std_.h"]
        comments = [line for line in text.splitlines() if line.startswith("///")]
        assert all(line.isascii() and not line.endswith("\\") for line in comments)
        assert "namespace std {" not in text


def test_doors_must_fit_the_graph() -> None:
    with pytest.raises(InvalidValue, match="0 encoders for 1"):
        emulator(network(), [], [Decoder(Steps.of(1))])
