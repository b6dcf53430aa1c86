"""`Executor`: runs a model in float32, in pieces that fit the cache; every tensor of it can be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitwright.core.errors import BitwrightError, InvalidModel, InvalidValue, Unsupported
from bitwright.frontends.qonnx.execute.table import Frame, compute
from bitwright.frontends.qonnx.model import Array, Model, Node
from bitwright.frontends.qonnx.operators import Foreign

__all__ = ["Executor", "apply_node"]

_PER_CHUNK = 1 << 17
_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, MemoryError)


def apply_node(node: Node, args: Sequence[Array | None], frame: Frame) -> tuple[Array, ...]:
    """The outputs of `node`; raises `InvalidModel` or `Unsupported` naming it, whatever its tensors are."""
    where = f"node '{node.name}' ({node.kind})"
    if isinstance(node.op, Foreign):
        raise Unsupported(node.op.why, where=where, remedy=node.op.remedy)
    try:
        with np.errstate(all="ignore"):
            found = compute(node.op, args, frame)
    except BitwrightError as error:
        raise type(error)(error.what, where=error.where or where, why=error.why, remedy=error.remedy) from error
    except _FAULTS as error:
        raise InvalidModel(
            "its tensors do not fit together", where=where, why=str(error) or type(error).__name__,
            remedy="check the shapes that the model is fed with",
        ) from error  # fmt: skip
    return found if isinstance(found, tuple) else (found,)


@dataclass(frozen=True)
class _Step:
    """A node with the tensors that nobody reads behind it."""

    node: Node
    frees: tuple[str, ...]


class Executor:
    """A model as a function from float arrays to arrays: the reference that integer graphs are compared with.

    Everything that depends on no input is computed once. Samples run in chunks where the model's first axis is
    its batch (told as 1 or left open); a batch that the file fixes at another number is taken as it is.

    >>> from bitwright.frontends.qonnx.model import Port
    >>> Executor(Model("id", (Port("x", (1, 2), np.dtype("f4")),), (Port("x", None, np.dtype("f4")),), (), {}))(
    ...     [np.ones((3, 2), np.float32)])[0].shape
    (3, 2)
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.constants, live = _folded(model)
        self._live = live

    def __call__(self, inputs: Sequence[Array], names: Sequence[str] | None = None) -> list[Array]:
        """The model's outputs for its `inputs`, or the tensors `names`, each (batch, ...)."""
        wanted = [p.name for p in self.model.outputs] if names is None else list(names)
        arrays = self._checked(inputs)
        steps = _plan(self._live, wanted)
        batch = len(arrays[0]) if arrays and arrays[0].ndim else 1
        if not self._splits(arrays, batch):
            values = self._run(arrays, steps, set(wanted), batch)
            return [values[name] for name in wanted]
        first = self._run([a[:1] for a in arrays], steps, None, 1)
        size = max(max((v.size for v in first.values()), default=1), 1)
        chunk = max(1, min(batch, _PER_CHUNK // size))
        pieces = self._pieces(arrays, steps, wanted, chunk)
        if self.told == 1 and not all(_long(pieces, name) == batch or name in self.constants for name in wanted):
            # What the file takes from its batch of 1 (its first sample, say) is every sample's own.
            pieces = self._pieces(arrays, steps, wanted, 1)
        return [_joined(pieces, name, batch) for name in wanted]

    def _pieces(
        self, arrays: Sequence[Array], steps: Sequence[_Step], wanted: Sequence[str], chunk: int
    ) -> list[dict[str, Array]]:
        """The tensors `wanted` of `chunk` samples at a time."""
        return [
            self._run([a[i : i + chunk] for a in arrays], steps, set(wanted), min(chunk, len(arrays[0]) - i))
            for i in range(0, len(arrays[0]), chunk)
        ]

    def trace(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """Every tensor by name, in one piece: memory grows with the batch."""
        arrays = self._checked(inputs)
        batch = len(arrays[0]) if arrays and arrays[0].ndim else 1
        return self._run(arrays, _plan(self._live, [p.name for p in self.model.outputs]), None, batch)

    @property
    def told(self) -> int | None:
        """The batch that the file fixes, None where it leaves it open."""
        shapes = [p.shape for p in self.model.inputs if p.shape]
        return shapes[0][0] if shapes else None

    def _splits(self, arrays: Sequence[Array], batch: int) -> bool:
        ports = [p.shape for p in self.model.inputs]
        return batch > 1 and self.told in (1, None) and all(
            a.ndim and len(a) == batch and (shape is None or len(shape) == a.ndim)
            for a, shape in zip(arrays, ports, strict=True)
        )  # fmt: skip

    def _checked(self, inputs: Sequence[Array]) -> list[Array]:
        ports = self.model.inputs
        if len(inputs) != len(ports):
            raise InvalidValue(f"{len(inputs)} arrays for {len(ports)} inputs", where=self.model.name)
        arrays = [np.asarray(a).astype(p.dtype, copy=False) for a, p in zip(inputs, ports, strict=True)]
        for array, port in zip(arrays, ports, strict=True):
            told = port.shape
            if told is not None and (
                len(told) != array.ndim
                or any(d not in (None, n) for d, n in zip(told[1:], array.shape[1:], strict=True))
            ):
                raise InvalidValue(
                    f"an array of shape {array.shape} instead of {told}", where=f"input '{port.name}'",
                    remedy="put the batch axis first",
                )  # fmt: skip
        return arrays

    def _run(
        self, arrays: Sequence[Array], steps: Sequence[_Step], keep: set[str] | None, batch: int
    ) -> dict[str, Array]:
        values: dict[str, Array] = {p.name: a for p, a in zip(self.model.inputs, arrays, strict=True)}
        known: Mapping[str, Array] = self.constants
        for step in steps:
            node = step.node
            args = [None if not n else values[n] if n in values else known[n] for n in node.inputs]
            found = apply_node(node, args, Frame(batch, self.told, len(node.outputs)))
            values.update((n, v) for n, v in zip(node.outputs, found, strict=False) if n)
            if keep is not None:
                for name in step.frees:
                    values.pop(name, None)
        for name in keep or ():
            if name not in values:
                values[name] = known[name]
        return values


def _long(pieces: Sequence[Mapping[str, Array]], name: str) -> int:
    """How many samples the pieces of a tensor are together."""
    return sum(len(p[name]) if p[name].ndim else 0 for p in pieces)


def _joined(pieces: Sequence[Mapping[str, Array]], name: str, batch: int) -> Array:
    """Pieces one behind the other; what does not depend on the batch is the same in all."""
    if _long(pieces, name) == batch:
        return np.concatenate([p[name] for p in pieces])
    return pieces[0][name]


def _folded(model: Model) -> tuple[dict[str, Any], list[Node]]:
    """The constants with everything that follows from them, and the nodes that do not."""
    constants, live = dict(model.constants), list[Node]()
    for node in model.nodes:
        if isinstance(node.op, Foreign) or not all(not n or n in constants for n in node.inputs):
            live.append(node)
            continue
        found = apply_node(node, [constants[n] if n else None for n in node.inputs], Frame(outputs=len(node.outputs)))
        constants.update((n, v) for n, v in zip(node.outputs, found, strict=False) if n)
    return constants, live


def _plan(live: Sequence[Node], wanted: Sequence[str]) -> list[_Step]:
    """The nodes that `wanted` depends on, each with what can be forgotten behind it."""
    needed, kept = set(wanted), list[Node]()
    for node in reversed(live):
        if needed.intersection(node.outputs):
            needed.update(n for n in node.inputs if n)
            kept.append(node)
    kept.reverse()
    last = {name: i for i, node in enumerate(kept) for name in (*node.inputs, *node.outputs) if name}
    frees: dict[int, list[str]] = {}
    for name, i in last.items():
        if name not in wanted:
            frees.setdefault(i, []).append(name)
    return [_Step(node, tuple(frees.get(i, ()))) for i, node in enumerate(kept)]
