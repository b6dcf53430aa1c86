"""What goes together: single weights, neurons, blocks, or n of every m inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.train.pruning.criteria import Loss
from bitwright.train.pruning.weights import Bools, Layout, Prunable

__all__ = ["Blocks", "Neurons", "NofM", "Structure", "Unstructured"]

Doubles = NDArray[np.float64]


class Structure(ABC):
    """Decides which elements stay, given what each loses and saves."""

    whole_neurons: bool = False
    """Whether what goes with a neuron (its bias, its normalization) is to go with its weights."""

    @abstractmethod
    def keep(self, ones: Sequence[Prunable], losses: Sequence[Loss], share: float) -> list[Bools]:
        """For each weight which elements stay (True), so that `share` of all of them together go."""

    def check(self, one: Prunable, final: float) -> None:  # noqa: B027 - a hook, of use to some
        """Raise Unsupported or InvalidValue, naming the layer, where this cannot be done."""


class Grouped(Structure):
    """Elements fall into groups; the groups with the least loss per saving go, until the share is reached."""

    def keep(self, ones: Sequence[Prunable], losses: Sequence[Loss], share: float) -> list[Bools]:
        """Group by group; a group goes if more than half of it is still to go."""
        lost = [self.pooled(one, loss.lost) for one, loss in zip(ones, losses, strict=True)]
        saved = [self.pooled(one, loss.saved) for one, loss in zip(ones, losses, strict=True)]
        sizes = [self.pooled(one, np.ones(one.variable.shape)) for one in ones]
        score = np.concatenate([(a / b).ravel() for a, b in zip(lost, saved, strict=True)])
        size = np.concatenate([part.ravel() for part in sizes])
        order = np.argsort(score, kind="stable")
        middle = np.cumsum(size[order]) - size[order] / 2
        stays = np.ones(len(score), dtype=np.bool_)
        # A hair, so that a share such as 0.3 of 10 does not fail by the rounding of the product.
        stays[order[middle < share * size.sum() + 1e-9]] = False
        parts = np.split(stays, np.cumsum([part.size for part in sizes])[:-1])
        return [self.spread(one, part.reshape(like.shape)) for one, part, like in zip(ones, parts, sizes, strict=True)]

    @abstractmethod
    def pooled(self, one: Prunable, elements: Doubles) -> Doubles:
        """The sum over each group of an array of the weight's shape."""

    @abstractmethod
    def spread(self, one: Prunable, groups: Bools) -> Bools:
        """An array of the weight's shape in which each element has its group's value."""


@dataclass(frozen=True)
class Unstructured(Grouped):
    """Every weight for itself: all that unrolled hardware needs, since there a zero costs nothing."""

    def pooled(self, one: Prunable, elements: Doubles) -> Doubles:
        """The elements."""
        return elements

    def spread(self, one: Prunable, groups: Bools) -> Bools:
        """The elements."""
        return groups


@dataclass(frozen=True)
class Neurons(Grouped):
    """Whole neurons of dense layers and whole filters of convolutions: `remove_neurons` takes them out.

    bias: their bias goes too, and gamma and beta of a batch normalization that alone reads the layer, so
    that nothing is left of them. Layers whose results are the model's outputs are left alone.
    """

    bias: bool = True

    @property
    def whole_neurons(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """As `bias` says."""
        return self.bias

    def check(self, one: Prunable, final: float) -> None:
        """Columns must be neurons."""
        if not one.layout.neurons:
            raise Unsupported(
                f"a neuron of {type(one.holder).__name__} has weights in several kernels",
                where=one.where,
                remedy="prune it with Unstructured() or Blocks(), or leave the layer out by layers=",
            )

    def pooled(self, one: Prunable, elements: Doubles) -> Doubles:
        """By columns."""
        return one.layout.matrix(elements).sum(axis=0)

    def spread(self, one: Prunable, groups: Bools) -> Bools:
        """By columns."""
        layout = one.layout
        return layout.kernel(np.broadcast_to(groups, (layout.rows, layout.columns)))


@dataclass(frozen=True)
class Blocks(Grouped):
    """Blocks of shape[0] inputs by shape[1] outputs, as folded hardware (SIMD, PE) skips them; edges may be smaller."""

    shape: tuple[int, int] = (4, 1)

    def __post_init__(self) -> None:
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise InvalidValue(f"shape={self.shape}", where="Blocks", remedy="give (inputs, outputs), each at least 1")

    def check(self, one: Prunable, final: float) -> None:
        """The weight must have inputs and outputs."""
        assert one.layout.rows

    def pooled(self, one: Prunable, elements: Doubles) -> Doubles:
        """By blocks of the matrix."""
        layout, (height, width) = one.layout, self.shape
        padded = np.zeros((-(-layout.rows // height) * height, -(-layout.columns // width) * width))
        padded[: layout.rows, : layout.columns] = layout.matrix(elements)
        tall, wide = padded.shape
        return padded.reshape(tall // height, height, wide // width, width).sum(axis=(1, 3))

    def spread(self, one: Prunable, groups: Bools) -> Bools:
        """By blocks of the matrix."""
        layout, (height, width) = one.layout, self.shape
        return layout.kernel(np.repeat(np.repeat(groups, height, 0), width, 1)[: layout.rows, : layout.columns])


@dataclass(frozen=True)
class NofM(Structure):
    """At most `n` of every `m` weights along the input axis (2:4: NofM(2, 4)).

    In convolutions the groups run along the input channels of one position, in depthwise ones along
    the positions; a group at the end may be shorter. Until the schedule reaches 1 - n/m, as many of each
    group go as its share of m says, rounded.
    """

    n: int
    m: int

    def __post_init__(self) -> None:
        if not 0 < self.n < self.m:
            raise InvalidValue(f"{self.n} of {self.m}", where="NofM", remedy="give 0 < n < m")

    @property
    def sparsity(self) -> float:
        """1 - n/m."""
        return 1.0 - self.n / self.m

    def check(self, one: Prunable, final: float) -> None:
        """The schedule must get there."""
        assert one.layout.rows
        if round(final * self.m) < self.m - self.n:
            raise InvalidValue(
                f"the schedule ends at {final:g}",
                where="Prune",
                why=f"{self.n} of {self.m} are {self.sparsity:g}",
                remedy=f"let it end at {self.sparsity:g}",
            )

    def keep(self, ones: Sequence[Prunable], losses: Sequence[Loss], share: float) -> list[Bools]:
        """Group by group."""
        gone = min(self.m - self.n, round(share * self.m))
        return [_most_of(one.layout, loss, gone, self.m) for one, loss in zip(ones, losses, strict=True)]


def _most_of(layout: Layout, loss: Loss, gone: int, m: int) -> Bools:
    """All but the `gone` least of every m rows within a run; of a shorter group what goes beyond m - gone."""
    score = layout.matrix(loss.lost / loss.saved).reshape(-1, layout.run, layout.columns)
    groups = -(-layout.run // m)
    # What is not there counts as gone already: a group of r < m elements loses gone - (m - r) of its own.
    padded = np.full((len(score), groups * m, layout.columns), -np.inf)
    padded[:, : layout.run] = score
    parts = padded.reshape(len(score), groups, m, layout.columns)
    place = np.argsort(np.argsort(parts, axis=2, kind="stable"), axis=2, kind="stable")
    stays = (place >= gone).reshape(len(score), groups * m, layout.columns)[:, : layout.run]
    return layout.kernel(stays.reshape(layout.rows, layout.columns))
