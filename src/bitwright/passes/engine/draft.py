"""`Draft`: an instruction before memory is given out, with addresses counted from its first argument."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.origin import Origin
from bitwright.ir.engine.ops import Walk
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray
from bitwright.passes.affine import Affine

__all__ = ["Draft", "Shape", "lanes_of", "united"]

Shape = tuple[int, int, int]

_NOTHING = Word(0, 0)


@dataclass(frozen=True)
class Draft:
    """What an instruction will be.

    `walk` is None for a Load. `weights` (words, lanes, lanes) is None for what takes maxima, and has no words where
    the identity is shared. With `apart` the kernel's column loop goes from the first argument to the second.
    `total` is the range of what is gathered, `kept` that of the elements written.
    """

    name: str
    origin: Origin
    args: tuple[int, ...]
    shape: Shape
    lanes: int
    kept: Word
    walk: Walk | None = None
    weights: IntArray | None = None
    total: Word = _NOTHING
    post: tuple[Affine, ...] = ()
    half_even: bool = False
    apart: bool = False
    stored: bool = False

    @property
    def depth(self) -> int:
        """Words of a pixel."""
        return -(-self.shape[2] // self.lanes)

    @property
    def words(self) -> int:
        """Words of the result."""
        return self.shape[0] * self.shape[1] * self.depth


def lanes_of(channels: int, lanes: int, *, streamed: bool) -> int:
    """Channels to a word: as few words as can be, equally full where possible; always so for what is streamed."""
    depth = -(-channels // lanes)
    if channels % depth == 0:
        return channels // depth
    return max(n for n in range(1, lanes + 1) if channels % n == 0) if streamed else lanes


def united(*words: Word) -> Word:
    """What any of them may be, or zero; never one number alone."""
    low, high = min(0, *(w.low for w in words)), max(0, *(w.high for w in words))
    return Word(low, high if high > low else low + 1)
