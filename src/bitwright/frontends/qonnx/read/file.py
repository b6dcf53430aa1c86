"""ONNX files in: bytes to our record; nothing in the file is trusted, and nothing of it is run."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from bitwright.core.errors import BitwrightError, InvalidModel, ToolMissing, Unsupported
from bitwright.frontends.qonnx.model import Array, Model, Node, Operator, Port
from bitwright.frontends.qonnx.read.attributes import Source
from bitwright.frontends.qonnx.read.integers import EXPANDED, INTEGERS, foreign
from bitwright.frontends.qonnx.read.quantized import CHANNELS_LAST, DOMAINS, QUANTIZED
from bitwright.frontends.qonnx.read.standard import STANDARD, Build
from bitwright.frontends.qonnx.read.tensors import dtype_of, tensor_of

__all__ = ["NEWEST", "OLDEST", "parse_model", "read_file"]

OLDEST, NEWEST = 6, 25
"""The opsets of ONNX that are known here."""

_PLAIN = {**STANDARD, **INTEGERS}
_LARGEST_FILE = 1 << 31
_MOST_NODES = 1 << 17


def read_file(path: str | Path) -> Model:
    """The model in an `.onnx` file. Raises `InvalidModel` or `Unsupported`, whatever the bytes are."""
    file = Path(path)
    try:
        size = file.stat().st_size
        if size > _LARGEST_FILE:
            raise InvalidModel(f"{size} bytes", where=str(file), remedy="put weights into external data")
        data = file.read_bytes()
    except OSError as error:
        raise InvalidModel(
            "cannot be read", where=str(file), why=error.strerror or str(error), remedy="give the path of an .onnx file"
        ) from error
    return parse_model(data, folder=file.parent, name=file.stem)


def parse_model(data: bytes, folder: Path | None = None, name: str = "model") -> Model:
    """The model in `data`; external data is read from below `folder`, or refused without one."""
    proto = _proto(data, name)
    try:
        return _model(proto, folder, name)
    except BitwrightError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise InvalidModel(
            "its parts do not hang together", where=name, why=str(error) or type(error).__name__,
            remedy="export the model again",
        ) from error  # fmt: skip


def _proto(data: bytes, name: str) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ToolMissing(
            "the onnx package is not installed", where=name, remedy="pip install 'bitwright[onnx]'"
        ) from error
    try:
        proto = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf raises classes of its own, which differ between its versions
        raise InvalidModel(
            "no ONNX file", where=name, why=str(error), remedy="fetch or export it again"
        ) from error
    if not proto.graph.output or (not proto.graph.node and not proto.graph.input):
        raise InvalidModel("it holds no graph with outputs", where=name, remedy="fetch or export it again")
    return proto


def _model(proto: Any, folder: Path | None, name: str) -> Model:
    graph, versions = proto.graph, _versions(proto, name)
    _refuse_contents(proto, name)
    constants: dict[str, Array] = {}
    types: dict[str, int] = {}
    for tensor in graph.initializer:
        constants[tensor.name] = tensor_of(tensor, folder, f"{name}, initializer '{tensor.name}'")
        types[tensor.name] = int(tensor.data_type)
    inputs = tuple(_port(v, name) for v in graph.input if v.name not in constants)
    nodes: list[Node] = []
    for position, node in enumerate(graph.node):
        nodes += _nodes(_source(node, position, versions, folder, constants, types), node)
    ordered = _ordered(nodes, {*constants, *(p.name for p in inputs)}, name)
    known = {*constants, *(p.name for p in inputs), *(o for n in ordered for o in n.outputs)}
    outputs = tuple(_port(v, name) for v in graph.output)
    missing = [p.name for p in outputs if p.name not in known]
    if missing:
        raise InvalidModel(f"nothing yields the output {missing[0]!r}", where=name, remedy="export the model again")
    return Model(name, inputs, outputs, ordered, constants, proto.producer_name, versions.get("", 0))


def _versions(proto: Any, name: str) -> dict[str, int]:
    versions = {"" if o.domain == "ai.onnx" else o.domain: int(o.version) for o in proto.opset_import}
    version = versions.get("")
    if version is not None and not OLDEST <= version <= NEWEST:
        raise Unsupported(
            f"opset {version}", where=name, why=f"known are {OLDEST} to {NEWEST}",
            remedy=f"export with opset_version={min(max(version, OLDEST), NEWEST)}",
        )  # fmt: skip
    return versions


def _refuse_contents(proto: Any, name: str) -> None:
    if proto.functions:
        raise Unsupported(
            f"{len(proto.functions)} functions of its own", where=name,
            remedy="inline them: onnx.inliner.inline_local_functions(model)",
        )  # fmt: skip
    if proto.graph.sparse_initializer:
        raise Unsupported("sparse initializers", where=name, remedy="export dense weights")
    if len(proto.graph.node) > _MOST_NODES:
        raise Unsupported(f"{len(proto.graph.node)} nodes", where=name, remedy="give a smaller model")


def _port(value: Any, name: str) -> Port:
    where = f"{name}, '{value.name}'"
    if value.type.WhichOneof("value") != "tensor_type":
        raise Unsupported("a value that is no tensor", where=where, remedy="use tensors only")
    tensor = value.type.tensor_type
    dtype = dtype_of(tensor.elem_type or 1, where)
    if not tensor.HasField("shape"):
        return Port(value.name, None, dtype)
    shape = tuple(int(d.dim_value) if d.WhichOneof("value") == "dim_value" else None for d in tensor.shape.dim)
    if any(d is not None and d < 0 for d in shape):
        raise InvalidModel(f"a shape of {shape}", where=where)
    return Port(value.name, tuple(d or None for d in shape), dtype)


def _source(
    proto: Any, position: int, versions: dict[str, int], folder: Path | None,
    constants: dict[str, Array], types: dict[str, int],
) -> Source:  # fmt: skip
    """A node of the file, ready to be read."""
    label = proto.name or f"{proto.op_type}_{position}"
    where, version = f"node '{label}' ({proto.op_type})", versions.get(_domain(proto), 1)
    protos = {a.name: a for a in proto.attribute}
    return Source(where, version, list(proto.input), list(proto.output), protos, folder, constants, types, label)


def _domain(proto: Any) -> str:
    return "" if proto.domain == "ai.onnx" else proto.domain


def _nodes(source: Source, proto: Any) -> list[Node]:
    """What a node of the file says: none for a Constant, which is held in `source.constants`."""
    domain, kind = _domain(proto), proto.op_type
    if domain == "" and kind == "Constant":
        source.constants[proto.output[0]] = _constant(source)
        if "value" in source.protos:
            source.types[proto.output[0]] = int(source.protos["value"].t.data_type)
        return []
    if not any(source.outputs):
        raise InvalidModel("a node without outputs", where=source.where)
    if domain == "" and kind in EXPANDED:
        expanded = EXPANDED[kind](source)
        source.finish()
        return expanded
    build = _table(domain).get(kind)
    op: Operator = foreign(domain, kind) if build is None else build(source)
    if build is not None:
        source.finish()
    return [Node(source.label, kind, domain, source.version, op, tuple(source.inputs), tuple(source.outputs))]


def _table(domain: str) -> dict[str, Build]:
    if domain == "":
        return _PLAIN
    if domain == "com.microsoft":
        return INTEGERS
    if domain in DOMAINS:
        return QUANTIZED
    return CHANNELS_LAST if domain == "qonnx.custom_op.channels_last" else {}


def _constant(source: Source) -> Array:
    value = source.tensor("value")
    if value is not None:
        return value
    for name, read, dtype in (
        ("value_float", lambda: source.real("value_float", 0.0), "float32"),
        ("value_int", lambda: source.whole("value_int", 0), "int64"),
        ("value_floats", lambda: source.reals("value_floats"), "float32"),
        ("value_ints", lambda: source.wholes("value_ints"), "int64"),
    ):
        if name in source.protos:
            return source.constants[source.constant(read(), dtype)]
    raise Unsupported("a constant that is no tensor of numbers", where=source.where, remedy="export numbers")


def _ordered(nodes: list[Node], known: Iterable[str], name: str) -> tuple[Node, ...]:
    """The nodes so that each comes behind what it reads; the file's order where that is one."""
    ready, waiting, missing = set(known), dict[str, list[int]](), list[int]()
    for position, node in enumerate(nodes):
        reads = {i for i in node.inputs if i and i not in ready}
        missing.append(len(reads))
        for tensor in reads:
            waiting.setdefault(tensor, []).append(position)
    heap = [i for i, count in enumerate(missing) if not count]
    done: list[Node] = []
    while heap:
        node = nodes[heappop(heap)]
        done.append(node)
        for tensor in filter(None, node.outputs):
            if tensor in ready:
                raise InvalidModel(f"{tensor!r} is yielded twice", where=f"node '{node.name}'")
            ready.add(tensor)
            for reader in waiting.pop(tensor, ()):
                missing[reader] -= 1
                if not missing[reader]:
                    heappush(heap, reader)
    if waiting:
        tensor, (reader, *_) = next(iter(waiting.items()))
        raise InvalidModel(
            f"it reads {tensor!r}, which nothing yields before it", where=f"{name}, node '{nodes[reader].name}'",
            why="a circle, or a part of the file is missing", remedy="export the model again",
        )  # fmt: skip
    return tuple(done)
