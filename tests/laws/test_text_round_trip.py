"""Text is the test language: it parses back to an equal program, and nothing in it is ever run."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
from tests.generate import random_netlist
from tests.generate_graphs import random_graph

from bitwright.core.errors import InvalidProgram, ParseError
from bitwright.core.origin import Origin
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Constant
from bitwright.ir.program import Program
from bitwright.numeric import Ints, Steps
from bitwright.passes import Canonical, Retime, Synthesize, Tabulate
from bitwright.platforms import device

SEEDS = range(120)


@cache
def some_graphs() -> tuple[Graph, ...]:
    return tuple(random_graph(random.Random(seed), name=f"net {seed}") for seed in SEEDS)


@pytest.mark.parametrize("seed", range(0, len(SEEDS), 3))
def test_graphs_parse_back_equal_with_the_same_digest_and_text(seed: int) -> None:
    for graph in some_graphs()[seed : seed + 3]:
        for program in (graph, Tabulate()(Canonical()(graph))):
            text = graphs.show(program)
            again = graphs.parse(text)
            assert again == program
            assert again.digest() == program.digest()
            assert [n.origin for n in again] == [n.origin for n in program]
            assert graphs.show(again) == text


def test_netlists_parse_back_equal_with_the_same_digest_and_text() -> None:
    made = [random_netlist(random.Random(seed), name=f"net{seed}") for seed in range(60)]
    made += [Synthesize()(graph) for graph in some_graphs()[:60]]
    made += [Retime(device("xc7a35t"), 300)(Synthesize()(graph)) for graph in some_graphs()[:30]]
    for program in made:
        text = netlists.show(program)
        again = netlists.parse(text)
        assert again == program
        assert again.digest() == program.digest()
        assert netlists.show(again) == text


def test_digests_tell_programs_apart_but_not_names() -> None:
    programs = some_graphs()
    assert len({p.digest() for p in programs}) == len({(p.nodes, p.outputs) for p in programs})
    renamed = replace(programs[0], name="other", nodes=tuple(replace(n, name=n.name + "x") for n in programs[0]))
    assert renamed.digest() == programs[0].digest()
    assert renamed != programs[0]


@pytest.mark.parametrize(
    "step",
    [Fraction(1, 3), Fraction(1, 1 << 19), Fraction(5, 1 << 40), Fraction(1, 3 << 40), Fraction(1 << 30), Fraction(7)],
)
def test_steps_of_any_size_survive(step: Fraction) -> None:
    builder = GraphBuilder()
    builder.input(TensorType((2,), Ints(-1), Ints([0, (1 << 62) - 1]), Steps.of([step, 2 * step])), "x")
    graph = builder.graph("steps", [0])
    assert graphs.parse(graphs.show(graph)) == graph


LAYERS = ["in", "None", "lambda", "a b/c", "1x", "ü", "x'y\"z", "new\nline", "", "output", "graph", "a (b)", ")"]


@pytest.mark.parametrize("layer", LAYERS)
def test_any_layer_name_survives(layer: str) -> None:
    builder = GraphBuilder()
    builder.apply(Constant(Ints([1])), (), step=Steps.of(1), name=layer, origin=Origin(layer, ("keras",)))
    builder.apply(Constant(Ints([1])), (), step=Steps.of(1), name=layer, origin=Origin(layer))
    graph = builder.graph(layer, [0, 1])
    again = graphs.parse(graphs.show(graph))
    assert again == graph
    assert [n.origin for n in again] == [n.origin for n in graph]


# Malformed texts: refused as what they are, whatever the damage.

Level = tuple[str, Callable[[str], Program], Callable[[Program], Program]]  # pyright: ignore[reportMissingTypeArgument]


def levels() -> list[Level]:
    made: list[Level] = []
    for seed in (0, 6, 10, 24):
        graph = random_graph(random.Random(seed))
        made.append((graphs.show(graph), graphs.parse, graphs.check))  # pyright: ignore[reportArgumentType]
        made.append((netlists.show(Synthesize()(graph)), netlists.parse, netlists.check))  # pyright: ignore[reportArgumentType]
    return made


def refused_or_valid(text: str, parse: Callable[[str], Program], check: Callable[[Program], Program]) -> bool:  # pyright: ignore
    """Whether it was refused, by an error of the right family; any other error fails the test."""
    try:
        check(parse(text))
    except (ParseError, InvalidProgram):
        return True
    return False


def test_truncated_texts_are_refused() -> None:
    for text, parse, check in levels():
        rng = random.Random(len(text))
        for _ in range(60):
            cut = rng.randrange(len(text) - len("output()\n"))
            assert refused_or_valid(text[:cut], parse, check), text[:cut][-80:]
        lines = text.splitlines(keepends=True)
        for keep in range(len(lines)):
            assert refused_or_valid("".join(lines[:keep]), parse, check)


FRAGMENTS = [*"()[],=-019x'\n./:\\\x00é", "", "**", "None", "1.5", "True"]


def mutated(text: str, rng: random.Random) -> str:
    """One or two places replaced, dropped, doubled or swapped."""
    for _ in range(rng.choice((1, 1, 2))):
        at, wide = rng.randrange(len(text)), rng.randint(0, 6)
        other = rng.randrange(len(text))
        piece = rng.choice((rng.choice(FRAGMENTS), text[other : other + rng.randint(1, 12)], text[at : at + wide] * 2))
        text = text[:at] + piece + text[at + wide :]
    return text


def test_mutated_texts_are_refused_or_mean_something_valid() -> None:
    refused = 0
    for text, parse, check in levels():
        rng = random.Random(len(text))
        refused += sum(refused_or_valid(mutated(text, rng), parse, check) for _ in range(150))
    assert refused > 600


def test_words_and_numbers_in_the_wrong_place_are_refused() -> None:
    for text, parse, check in levels():
        rng = random.Random(len(text))
        tokens = text.replace("(", " ( ").replace(")", " ) ").replace("=", " = ").split(" ")
        for _ in range(100):
            first, second = rng.sample(range(len(tokens)), 2)
            swapped = list(tokens)
            swapped[first], swapped[second] = swapped[second], swapped[first]
            refused_or_valid(" ".join(swapped), parse, check)


HEAD = "graph('g', schema=1)\nx: TensorType(shape=(2,), low=0, high=3, step=1) = Input()\n"
EVIL = [
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = __import__('os').system('touch PWNED')\n",
    "y: __import__('os').system('touch PWNED') = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=open('PWNED', 'w')) = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=[].__class__, step=1) = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = Map(x, form=Rounding.mro, rows=0)\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = Map(x, form=Rounding.__init__, rows=0)\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=2**9999999999) = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1/0) = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=9**99**99, step=1) = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = Input(**{'a': 1})\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = Input(*x)\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = Reshape(x, shape=[i for i in range(10**9)])\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = (lambda: Input())()\n",
    "y: TensorType(shape=('a',), low=0, high=3, step=1) = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=99999999999999999999, step=1) = Input()\n",
    "y: Input() = Input()\n",
    "y: 3 = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = Rounding.FLOOR\n",
    "x: TensorType(shape=(2,), low=0, high=3, step=1) = Input()\n",
    "y = 3\n",
    "import os\n",
    "exec('open(\"PWNED\", \"w\")')\n",
    "if True: pass\n",
    "-" * 5000 + "1\n",
    "(" * 5000 + "\n",
    "y: " + "[" * 80 + "]" * 80 + " = Input()\n",
    "y: TensorType(shape=(2,), low=0, high=3, step=1) = Input(a=" + "-" * 900 + "1)\n",
]


@pytest.mark.parametrize("line", EVIL, ids=range(len(EVIL)))
def test_nothing_in_a_text_is_run(line: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    assert graphs.parse(HEAD + "output(x)\n").outputs == (0,)
    with pytest.raises(ParseError):
        graphs.parse(HEAD + line + "output(x)\n")
    assert not list(tmp_path.iterdir())  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "header"),
        ("graph('g', schema=2)\noutput()\n", "schema 2 is not 1"),
        ("graph('g')\noutput()\n", "schema None"),
        ("netlist('g', schema=1)\noutput()\n", "expected graph"),
        ("graph(7, schema=1)\noutput()\n", "names the program"),
        ("graph(schema=1)\noutput()\n", "names the program"),
        (HEAD, "expected output"),
        (HEAD + "output(y)\n", "y is not defined above"),
        (HEAD + "output(x, really=1)\n", "beside nodes"),
        (HEAD + "y: TensorType(shape=(2,), low=0, high=3, step=1) = Inptu()\noutput(y)\n", "unknown word Inptu"),
        (HEAD + "y: TensorType(shape=(2,), low=0, high=3, step=1) = Reshape(x)\noutput(y)\n", "Reshape"),
        (HEAD + "y: TensorType(shape=(2,), low=0, high=3, step=1) = Reshape(x, axis=3)\noutput(y)\n", "axis"),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_try(text: str, what: str) -> None:
    with pytest.raises(ParseError, match=what) as caught:
        graphs.parse(text)
    assert caught.value.remedy


def test_a_mistake_is_found_on_its_line() -> None:
    with pytest.raises(ParseError, match="line 3"):
        graphs.parse(HEAD + "y: TensorType(shape=(2,), low=0, high=3, step=1) = Nothing(x)\noutput(y)\n")


def test_a_type_may_leave_out_the_names_of_its_first_fields() -> None:
    short = "graph('g', schema=1)\nx: TensorType((2,), low=0, high=3, step=1/16) = Input()\noutput(x)\n"
    assert graphs.parse(short).nodes[0].type == TensorType((2,), Ints(0), Ints(3), Steps.of(Fraction(1, 16)))
