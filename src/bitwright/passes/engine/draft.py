"""`Draft`: a tensor and its instructions before memory is given out, with addresses counted from the arguments."""

from __future__ import annotations

from dataclasses import dataclass, field

from bitwright.core.origin import Origin
from bitwright.ir.engine.ops import Walk
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray
from bitwright.passes.affine import Affine

__all__ = ["Draft", "Piece", "Shape", "Steps", "lanes_of", "united"]

Shape = tuple[int, int, int]

_NOTHING = Word(0, 0)


@dataclass(frozen=True)
class Piece:
    """An instruction that makes a part of a draft's tensor: from word `word` of the region on, in these strides.

    `args` counts the draft's arguments. `weights` as in `Draft`.
    """

    args: tuple[int, ...]
    walk: Walk
    weights: IntArray | None
    word: int
    shape: Shape
    pixel: int = 0
    line: int = 0
    apart: bool = False


@dataclass(frozen=True)
class Steps:
    """Thresholds of each element (elements, steps); `UNREACHED` where it has fewer."""

    thresholds: IntArray

    UNREACHED = 1 << 62


@dataclass(frozen=True)
class Draft:
    """What an instruction will be, or several: `pieces`.

    `walk` is None for a Load. `weights` (words, lanes, lanes) is None for what takes maxima, and has no words where
    the identity is shared. With `apart` the kernel's column loop goes from the first argument to the second.
    `total` is the range of what is gathered, `kept` that of the elements written. `post` has an entry for each
    channel, or, with `each`, for each element. With `steps` totals are replaced by how many thresholds they reach.
    `fixed` weights belong to the operator and not to a layer: they stay on the chip. `signs`: a layer's weights are all
    -1 or 1, the zeros among them stand where no channel is.
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
    pieces: tuple[Piece, ...] = field(default=())
    steps: Steps | None = None
    each: bool = False
    fixed: bool = False
    signs: bool = False

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
