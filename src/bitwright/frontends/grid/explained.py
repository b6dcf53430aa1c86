"""What becomes of each part of a model: supported, rewritten into what, or refused and why; all formats tell it so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum

from bitwright.core.errors import BitwrightError
from bitwright.frontends.grid.walk import Lazy

__all__ = ["BEHIND_REFUSED", "Explained", "Row", "Status", "function_of", "listed", "refusal"]

BEHIND_REFUSED = "it reads what a refused node yields"


class Status(Enum):
    """What becomes of a node."""

    SUPPORTED = "supported"
    REWRITTEN = "rewritten"
    REFUSED = "refused"
    UNREACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Row:
    """One node: `into` says what it becomes; `why` and `remedy` are those of a refusal."""

    node: str
    kind: str
    status: Status
    into: str = ""
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """A model, node by node, in the order in which they run."""

    model: str
    rows: tuple[Row, ...]

    @property
    def refused(self) -> tuple[Row, ...]:
        """The nodes that stand in the way."""
        return tuple(row for row in self.rows if row.status is Status.REFUSED)

    def text(self, width: int = 100) -> str:
        """A table for the terminal: a line per node, the reason and the way out below a refused one."""
        name = min(max((len(r.node) for r in self.rows), default=4), max(width // 3, 12))
        kind = max((len(r.kind) for r in self.rows), default=4)
        lines: list[str] = []
        for row in self.rows:
            label = row.node if len(row.node) <= name else "..." + row.node[3 - name :]
            lines.append(f"{label:<{name}}  {row.kind:<{kind}}  {row.status.value:<11}  {row.into}".rstrip())
            lines += [f"{'':<{name}}  {word}: {text}" for word, text in (("why", row.why), ("try", row.remedy)) if text]
        counts = Counter(row.status for row in self.rows)
        told = ", ".join(f"{counts[s]} {s.value}" for s in Status if counts[s])
        return "\n".join([*lines, f"{self.model}: {told or 'no nodes'}"])


def listed(made: list[str]) -> str:
    """Operator names in order, repeated ones once with their number: "Conv + 2 Map"."""
    return " + ".join(name if count == 1 else f"{count} {name}" for name, count in Counter(made).items())


def function_of(lazy: Lazy) -> str:
    """What the last of the functions that wait on a tensor becomes."""
    if lazy.chain[-1].head is not None:
        return "a float head outside hardware"
    if lazy.base is None:
        return "part of the input's encoder"
    quantizes = lazy.chain[-1].step is not None
    return "an integer function (Map) with what comes before it" if quantizes else "part of an integer function (Map)"


def refusal(name: str, kind: str, error: BitwrightError) -> Row:
    """The row of what an error stands in the way of."""
    what = error.what + (f" ({error.why})" if error.why else "")
    return Row(name, kind, Status.REFUSED, "", what, error.remedy)
