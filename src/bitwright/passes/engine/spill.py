"""Feature maps that do not fit: which go to external memory, how many rows are on the chip at a time, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bitwright.core.errors import Unsupported
from bitwright.ir.engine import Place, Region
from bitwright.ir.engine.ops import Walk
from bitwright.passes.engine.draft import Draft

__all__ = ["Layout", "Plane", "Rows", "laid_out", "rows_read", "tiles"]

_TILES = (64, 32, 16, 8, 4, 2, 1)
"""Rows of a result that are made at a time, where maps are outside; the first number that fits is taken."""


@dataclass(frozen=True)
class Plane:
    """Some words of every pixel of a map outside, row by row: from word `word` on, `channels` of them."""

    word: int
    channels: int
    burst: int
    bursts_a_row: int


@dataclass
class Layout:
    """Where drafts lie: a region each, of those `outside` the rows that are made at a time.

    `windows` by draft and number of its argument: the rows of an argument outside that it reads at a time.
    """

    regions: list[Region]
    outside: frozenset[int]
    rows: int
    windows: dict[tuple[int, int], Region] = field(default_factory=dict[tuple[int, int], Region])

    @property
    def features(self) -> int:
        """Words of feature memory."""
        found = (*self.regions, *self.windows.values())
        return max((r.end for r in found if r.place is Place.FEATURES), default=0)


@dataclass(frozen=True)
class Rows:
    """Rows `first` up to `end` of a result."""

    first: int
    end: int


def tiles(height: int, rows: int) -> Iterator[Rows]:
    """`height` rows, `rows` at a time."""
    for first in range(0, height, rows):
        yield Rows(first, min(first + rows, height))


def rows_read(walk: Walk, rows: Rows) -> Rows:
    """The rows of the argument that rows of the result are made of."""
    down, inner = walk.loops[0], walk.loops[3]
    first = walk.start.row + rows.first * down.row
    last = walk.start.row + (rows.end - 1) * down.row + (inner.extent - 1) * inner.row
    return Rows(max(first, 0), min(last + 1, walk.grid[0]))


def laid_out(drafts: Sequence[Draft], limit: int) -> Layout:
    """Regions by liveness, first fit; the largest maps outside where they need more than `limit` words (0: any number).

    Raises `Unsupported` where it does not fit with all maps outside that may be.
    """
    layout = _placed(drafts, frozenset(), _TILES[0])
    if not limit or layout.features <= limit:
        return layout
    able = sorted((at for at in range(len(drafts)) if _may_go(drafts, at)), key=lambda at: -drafts[at].words)
    for count in range(1, len(able) + 1):
        for rows in _TILES:
            layout = _placed(drafts, frozenset(able[:count]), rows)
            if layout.features <= limit:
                return layout
    raise Unsupported(
        f"{limit} words of feature memory", why=f"{layout.features} are needed with all maps outside that may be",
        remedy="more words, or fewer lanes",
    )  # fmt: skip


def _may_go(drafts: Sequence[Draft], at: int) -> bool:
    """Maps of one instruction that all readers read row by row, as they lie."""
    draft = drafts[at]
    readers = [d for d in drafts if at in d.args]
    whole = draft.pieces or draft.stored or not readers
    return not whole and all(d.walk and not d.pieces and d.walk.grid == draft.shape[:2] for d in readers)


def _placed(drafts: Sequence[Draft], outside: frozenset[int], rows: int) -> Layout:
    last = [max((j for j, d in enumerate(drafts) if i in d.args), default=i) for i in range(len(drafts))]
    layout = Layout([], outside, rows)
    taken: list[tuple[Region, int]] = []

    def put(shape: tuple[int, int, int], draft: Draft, now: int, end: int) -> Region:
        place = Place.RESULTS if draft.stored else Place.FEATURES
        region = Region(place, 0, shape, draft.lanes, draft.kept)
        busy = [r for r, until in taken if until >= now and r.place is place]
        for start in sorted({0, *(r.end for r in busy)}):
            region = replace(region, address=start)
            if not any(region.meets(other) for other in busy):
                break
        taken.append((region, end))
        return region

    for at, draft in enumerate(drafts):
        for which, arg in enumerate(draft.args):
            if arg in outside and draft.walk:
                height = max(r.end - r.first for r in (rows_read(draft.walk, t) for t in tiles(draft.shape[0], rows)))
                own = drafts[arg]
                layout.windows[at, which] = put((height, *own.shape[1:]), own, at, at)
        shape = (min(rows, draft.shape[0]), *draft.shape[1:]) if at in outside else draft.shape
        layout.regions.append(put(shape, draft, at, at if at in outside else last[at]))
    return layout
