"""The C++17 emulator of a graph: one header, a C interface, a build file, a loader for Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import bitwright.backends.cpp.choose  # the rule of the largest  # noqa: F401  # pyright: ignore[reportUnusedImport]
from bitwright.backends.cpp.carriers import carrier
from bitwright.backends.cpp.door import decoder_struct, encoder_struct
from bitwright.backends.cpp.entry import Port, c_interface, entries
from bitwright.backends.cpp.layers import Scope, Written, emulate
from bitwright.backends.cpp.printer import printed, remark
from bitwright.backends.cpp.tree import Function, Line, Namespace, Struct, parameter
from bitwright.core.errors import InvalidValue
from bitwright.core.files import sha256
from bitwright.core.naming import Namer, identifier
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, Input, Map, Reshape
from bitwright.ir.interface import Decoder, Encoder

__all__ = ["EmulatorFiles", "emulator"]

_HASH = "@HASH@"
_LANES = 32
"""Samples of a block: whole vectors, and loops long enough that compilers do not unroll them."""
_TAKEN = frozenset({"std", "detail", "linux", "unix", "scratch", "NAN", "INFINITY", "NULL", "EOF", "I", "OVERFLOW"})
"""Names that headers, compilers or the emulator's own text use."""


@dataclass(frozen=True)
class EmulatorFiles:
    """The emitted files by name; `namespace` is that of the header and the beginning of the C symbols."""

    name: str
    namespace: str
    files: dict[str, str]

    @property
    def hash(self) -> str:
        """The content hash: other weights, names, doors or kernels, other hash."""
        return self.namespace.removeprefix("bw_")


def emulator(
    graph: Graph, encoders: Sequence[Encoder], decoders: Sequence[Decoder], *, name: str = "", version: str = "",
    header: str = "",
) -> EmulatorFiles:  # fmt: skip
    """`<name>.h` (everything, no dependencies), `<name>_c.{h,cpp}`, CMakeLists.txt, emulator.py.

    An encoder per input and a decoder per output of `graph`. `version`: of the model, told by the emulator
    (default: the hash). `header`: a line for the comment on top. Raises `Unsupported` for an operator without
    a rule and `InvalidValue` where doors and graph do not fit.
    """
    _check(graph, encoders, decoders)
    label = _free(name or graph.name)
    network = _Network(graph)
    ports = _ports(graph, network, encoders, decoders)
    told = _told(graph, ports, label, version)
    body = _body(network, ports, told)
    digest = sha256(body)[:16]
    namespace = f"bw_{digest}"
    text = _whole(label, namespace, body.replace(_HASH, digest), header)
    files = {
        f"{label}.h": text,
        **c_interface(label, namespace, *ports),
        "CMakeLists.txt": _library("CMakeLists.txt").replace("@NAME@", label),
        "emulator.py": _loader().replace('PREFIX = ""', f'PREFIX = "{namespace}"'),
    }
    return EmulatorFiles(label, namespace, files)


def _check(graph: Graph, encoders: Sequence[Encoder], decoders: Sequence[Decoder]) -> None:
    pairs = ((len(graph.inputs), len(encoders), "encoders"), (len(graph.outputs), len(decoders), "decoders"))
    for wanted, given, what in pairs:
        if wanted != given or not wanted:
            raise InvalidValue(f"{given} {what} for {wanted}", where=graph.name, remedy="give one for each")


def _free(name: str) -> str:
    """`name` as an identifier that nothing else claims."""
    legal = identifier(name)
    return f"{legal}_" if legal in _TAKEN else legal


def _loader() -> str:
    """The text of `loader.py`, which needs nothing of this package."""
    return (resources.files(__package__ or "") / "loader.py").read_text(encoding="utf-8")


def _library(name: str) -> str:
    return (resources.files(__package__ or "") / "library" / name).read_text(encoding="utf-8")


class _Network:
    """Names, storage and functions of a graph's live nodes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.fused = _fused(graph)
        self.scratch = 0
        fresh = Namer()
        # Macros are in capitals: a layer's name is not.
        self.names = [fresh(_free(n.name + "_" if n.name.isupper() else n.name)) for n in graph.nodes]
        self.place = self._places()
        live = graph.live()
        self.kept = [i for i, alive in enumerate(live) if (alive or isinstance(graph.nodes[i].op, Input))
                     and self.place[i] == i and i not in self.fused]  # fmt: skip
        self.layers = [part for i in self.kept if (part := self._layer(i)) is not None]

    def _places(self) -> list[int]:
        """The node whose tensor holds each node's codes: a Reshape moves nothing."""
        place: list[int] = []
        for position, node in enumerate(self.graph.nodes):
            place.append(place[node.args[0]] if isinstance(node.op, Reshape) else position)
        return place

    def member(self, position: int) -> str:
        """The name of the tensor that holds a node's codes."""
        return self.names[self.place[position]]

    def tensors(self) -> Struct:
        """The struct with a member per tensor."""
        lines = [Line(f"alignas(64) {carrier(self.graph.nodes[i].type).text} {self.names[i]}"
                      f"[{self.graph.nodes[i].type.size} * L];") for i in self.kept]  # fmt: skip
        lines += [Line(f"alignas(64) std::int16_t scratch[{max(self.scratch, 1)} * L];")]
        return Struct("Tensors", tuple(lines), "The codes of every layer for a block of L samples.",
                      "template <std::size_t L>")  # fmt: skip

    def forward(self) -> Function:
        """The function that computes all layers in order."""
        calls: list[Line] = []
        for position in self.kept:
            node = self.graph.nodes[position]
            if not isinstance(node.op, Input):
                args = self._linear(position).args if position in self.fused.values() else node.args
                told = [*(f"t.{self.member(a)}" for a in args), f"t.{self.names[position]}", "t.scratch"]
                calls.append(Line(f"{self.names[position]}::compute<L>({', '.join(told)});"))
        head = f"template <std::size_t L>\ninline void forward({parameter('Tensors<L>&', 't', calls)}) noexcept"
        return Function(head, tuple(calls), "All layers for the inputs in `t`.")

    def _linear(self, position: int) -> Any:
        """The linear node that is fused with the map at `position`."""
        return self.graph.nodes[self.graph.nodes[position].args[0]]

    def _layer(self, position: int) -> Namespace | None:
        node = self.graph.nodes[position]
        if isinstance(node.op, Input):
            return None
        first = self._linear(position) if position in self.fused.values() else node
        sources = [self.graph.nodes[a].type for a in first.args]
        scope = Scope(sources, node.type)
        if first is not node and isinstance(node.op, Map):
            scope = Scope(sources, node.type, first.type, node.op)
        written = emulate(first.op, scope)
        self.scratch = max(self.scratch, written.scratch)
        compute = _compute(scope, written)
        return Namespace(self.names[position], (*written.items, compute), _about(node, first))


def _fused(graph: Graph) -> dict[int, int]:
    """Linear nodes that only one Map reads, and that map: the two become one loop."""
    readers, live, found = graph.consumers(), graph.live(), dict[int, int]()
    for position, node in enumerate(graph.nodes):
        if isinstance(node.op, Map) and live[position]:
            source = node.args[0]
            alone = len([r for r in readers[source] if live[r]]) == 1 and source not in graph.outputs
            if alone and isinstance(graph.nodes[source].op, Dense | Conv | ConvTranspose):
                found[source] = position
    return found


def _about(node: Any, first: Any) -> str:
    kinds = type(node.op).__name__ if first is node else f"{type(first.op).__name__} and {type(node.op).__name__}"
    shape = " x ".join(str(n) for n in node.type.shape) or "scalar"
    low, high = int(node.type.low.array.min()), int(node.type.high.array.max())
    layers = list(dict.fromkeys(o for o in (first.origin.layer, node.origin.layer) if o))
    origin = f" of {', '.join(layers)}" if layers else ""
    sums = "" if first is node else f"; sums in [{_ends(first.type)}]"
    return f"{kinds}{origin}: {shape}, codes in [{low}, {high}]{sums}"


def _ends(type: Any) -> str:
    return f"{int(type.low.array.min())}, {int(type.high.array.max())}"


def _compute(scope: Scope, written: Written) -> Function:
    given = [f"const {scope.kind(i).text}* {n}" for i, n in enumerate(written.args)]
    head = ", ".join([*given, f"{carrier(scope.result).text}* y", parameter("std::int16_t*", "scratch", written.body)])
    return Function(f"template <std::size_t L>\ninline void compute({head}) noexcept", tuple(written.body))


def _ports(
    graph: Graph, network: _Network, encoders: Sequence[Encoder], decoders: Sequence[Decoder]
) -> tuple[list[Port], list[Port]]:
    """Inputs and outputs with their doors."""
    positions = [i for i, node in enumerate(graph.nodes) if isinstance(node.op, Input)]
    inputs = [
        Port(graph.nodes[i].name, network.names[i], graph.nodes[i].type, encoder_struct(encoder, graph.nodes[i].type),
             source=encoder.source)
        for i, encoder in zip(positions, encoders, strict=True)
    ]  # fmt: skip
    outputs = [
        Port(graph.nodes[i].name, network.member(i), graph.nodes[i].type, decoder_struct(decoder, graph.nodes[i].type),
             head=decoder.head)
        for i, decoder in zip(graph.outputs, decoders, strict=True)
    ]  # fmt: skip
    return inputs, outputs


def _told(graph: Graph, ports: tuple[list[Port], list[Port]], name: str, version: str) -> str:
    """What `describe()` says: names, hashes, and the shape, type and range of every input and output."""
    inputs, outputs = ports
    sources = {p.source: {"name": p.name, "shape": list(p.type.shape), "type": "float32"} for p in inputs}
    record = {
        "name": name,
        "version": version or _HASH,
        "hash": _HASH,
        "graph": graph.digest(),
        "sources": [sources[i] for i in sorted(sources)],
        "inputs": [p.describe() for p in inputs],
        "outputs": [p.describe() for p in outputs],
    }
    return json.dumps(record)


def _body(network: _Network, ports: tuple[list[Port], list[Port]], told: str) -> str:
    """All that stands in the namespace."""
    record = json.loads(told)
    names = [Line(f"inline constexpr char {key}[] = {json.dumps(record[key])};") for key in ("name", "version", "hash")]
    raw = "".join(f'\n    R"bw({told[i : i + 2000]})bw"' for i in range(0, len(told), 2000))
    facts = [*names, Line(f"inline constexpr char description[] ={raw};")]
    layers = Namespace("layers", (*network.layers, network.tensors(), network.forward()))
    return "\n".join(
        (_library("kernels.h"), printed(facts), printed([layers]), printed(entries(*ports, _LANES)))
    )


def _whole(name: str, namespace: str, body: str, header: str) -> str:
    return _library("frame.h").replace("@HEADER@", remark(header) or name).replace(
        "@NAME@", name
    ).replace("@UPPER@", name.upper()).replace("@NAMESPACE@", namespace).replace("@BODY@\n", body)
