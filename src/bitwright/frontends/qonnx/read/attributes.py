"""`Source`: one node of the file while it is read: typed attributes, and inputs that may be added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx.model import Array
from bitwright.frontends.qonnx.read.tensors import tensor_of

__all__ = ["Source", "pairs"]

T = TypeVar("T")
_LONGEST = 1 << 16


@dataclass
class Source:
    """A node's attributes by name, each to be read once; what nobody reads is refused by `finish`.

    version: of the operator set of the node's domain. `constant` adds an initializer and returns its name.
    types: ONNX's number of the type of every constant that the file holds.
    """

    where: str
    version: int
    inputs: list[str]
    outputs: list[str]
    protos: dict[str, Any]
    folder: Path | None
    constants: dict[str, Array]
    types: dict[str, int] = field(default_factory=dict[str, int])
    label: str = ""
    read: set[str] = field(default_factory=set[str])

    def _get(self, name: str, kind: int) -> Any:
        self.read.add(name)
        proto = self.protos.get(name)
        if proto is None:
            return None
        if proto.type != kind:
            raise InvalidModel(f"attribute {name!r} is of another type", where=self.where, remedy="export it again")
        return proto

    def real(self, name: str, default: float) -> float:
        """A float."""
        proto = self._get(name, 1)
        return default if proto is None else float(proto.f)

    def whole(self, name: str, default: int) -> int:
        """An integer."""
        proto = self._get(name, 2)
        return default if proto is None else int(proto.i)

    def real_or_whole(self, name: str) -> float:
        """A number of either kind; 0 where it is not there."""
        proto = self.protos.get(name)
        self.read.add(name)
        return 0.0 if proto is None else float(proto.f if proto.type == 1 else proto.i)

    def flag(self, name: str, default: bool = False) -> bool:
        """An integer that is 0 or 1."""
        return bool(self.whole(name, int(default)))

    def text(self, name: str, default: str) -> str:
        """A string."""
        proto = self._get(name, 3)
        return default if proto is None else proto.s.decode("utf-8", "replace")

    def texts(self, name: str) -> list[str]:
        """Strings."""
        proto = self._get(name, 8)
        return [] if proto is None else [s.decode("utf-8", "replace") for s in proto.strings]

    def wholes(self, name: str) -> tuple[int, ...] | None:
        """Integers; None where the attribute is not there."""
        proto = self._get(name, 7)
        if proto is None:
            return None
        if len(proto.ints) > _LONGEST:
            raise InvalidModel(f"attribute {name!r} has {len(proto.ints)} entries", where=self.where)
        return tuple(int(i) for i in proto.ints)

    def reals(self, name: str) -> tuple[float, ...] | None:
        """Floats; None where the attribute is not there."""
        proto = self._get(name, 6)
        return None if proto is None else tuple(float(v) for v in proto.floats)

    def tensor(self, name: str) -> Array | None:
        """A tensor."""
        proto = self._get(name, 4)
        return None if proto is None else tensor_of(proto.t, self.folder, f"{self.where}, attribute {name!r}")

    def choice(self, name: str, default: str, of: Callable[[str], T]) -> T:
        """A word as what it means; `of` raises `ValueError` for a word that means nothing."""
        word = self.text(name, default)
        try:
            return of(word)
        except ValueError as error:
            raise InvalidModel(f"{name}={word!r} is unknown", where=self.where, why=str(error)) from error

    def skip(self, *names: str) -> None:
        """These attributes may be there; at inference they say nothing."""
        self.read.update(names)

    def constant(self, values: Any, dtype: Any = np.int64) -> str:
        """The name of a new initializer."""
        array = np.array(values, dtype=dtype)
        array.setflags(write=False)
        name = f"{self.where}/{len(self.constants)}"
        self.constants[name] = array
        return name

    def move(self, name: str, position: int) -> None:
        """An attribute of integers that is an input today: it becomes a constant at `position`."""
        told = self.wholes(name)
        if told is not None:
            self.put(position, self.constant(told))

    def put(self, position: int, name: str) -> None:
        """`name` as the input at `position`."""
        self.inputs.extend([""] * (position + 1 - len(self.inputs)))
        self.inputs[position] = name

    def arity(self, least: int, most: int | None = None) -> None:
        """Refuse another number of inputs; the first `least` must be there."""
        most = least if most is None else most
        while self.inputs and not self.inputs[-1]:
            self.inputs.pop()
        if not least <= len(self.inputs) <= most or not all(self.inputs[:least]):
            wanted = str(least) if least == most else f"{least} to {most}"
            raise InvalidModel(f"{len(self.inputs)} inputs instead of {wanted}", where=self.where)

    def finish(self) -> None:
        """Refuse attributes that nobody read."""
        left = sorted(set(self.protos) - self.read)
        if left:
            raise InvalidModel(
                f"unknown attributes {', '.join(left)}",
                where=self.where,
                remedy="write the file with standard ONNX or QONNX attributes only",
            )


def pairs(told: Sequence[int] | None, where: str) -> tuple[tuple[int, int], ...]:
    """ONNX's pads (all before, then all after) as (before, after) per axis; () where there are none."""
    if not told:
        return ()
    if len(told) % 2 or any(abs(p) > 1 << 20 for p in told):
        raise InvalidModel(f"pads {tuple(told)[:8]}", where=where)
    half = len(told) // 2
    return tuple(zip(told[:half], told[half:], strict=True))
