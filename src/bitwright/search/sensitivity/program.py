"""The integer program: one option per site, the least of one quantity under limits on others, proved.

A quantity is a sum of terms: one per site and option, and one per pair of sites and their two options
(weight width times input width). The products of two choices are linearized exactly: y[a, b] >= 0 with
its rows summing to the one choice and its columns to the other is their product wherever both are whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue, ToolMissing

__all__ = ["Bottleneck", "Pair", "Problem", "Site", "Solution", "bottleneck", "solve"]

Floats = NDArray[np.float64]
_TIGHTER = 1e-7
_ROUNDING = 1e-12
"""Of the sums of floats themselves."""
_TRIES = 4


@dataclass(frozen=True, eq=False)
class Site:
    """A choice to be made: `options` (widths), and for each quantity what each of them adds."""

    name: str
    options: tuple[int, ...]
    terms: Mapping[str, Floats] = field(default_factory=dict[str, Floats])


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sites, by number, and for each quantity what each combination adds: (options, options)."""

    first: int
    second: int
    terms: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Problem:
    """Sites and pairs of them; a quantity that neither mentions is unknown."""

    sites: tuple[Site, ...]
    pairs: tuple[Pair, ...] = ()

    @property
    def quantities(self) -> tuple[str, ...]:
        """The names of all quantities, in the order of their first mention."""
        return tuple(dict.fromkeys(name for part in (*self.sites, *self.pairs) for name in part.terms))

    def total(self, quantity: str, choice: Sequence[int]) -> float:
        """What `choice`, the number of an option for each site, amounts to."""
        sites = zip(self.sites, choice, strict=True)
        single = [site.terms[quantity][at] for site, at in sites if quantity in site.terms]
        double = [p.terms[quantity][choice[p.first], choice[p.second]] for p in self.pairs if quantity in p.terms]
        return math.fsum([*single, *double])

    def scaled(self, factors: Mapping[str, float]) -> Problem:
        """The problem with quantities multiplied by factors."""

        def times(terms: Mapping[str, Floats]) -> dict[str, Floats]:
            return {name: table * factors.get(name, 1.0) for name, table in terms.items()}

        sites = tuple(replace(site, terms=times(site.terms)) for site in self.sites)
        return Problem(sites, tuple(replace(pair, terms=times(pair.terms)) for pair in self.pairs))


@dataclass(frozen=True)
class Solution:
    """The best choice found: the number of an option per site, its `totals`, and the proof.

    gap: (objective - bound) / objective as the solver left it; 0 where `proved`. nodes: of the search tree.
    """

    choice: tuple[int, ...]
    totals: Mapping[str, float]
    gap: float
    proved: bool
    nodes: int


@dataclass(frozen=True)
class Bottleneck:
    """A limit that cannot be kept, and the choice with the least of it while the `others` are kept."""

    name: str
    least: Solution
    others: Mapping[str, float]


def solve(
    problem: Problem, objective: str, limits: Mapping[str, float] | None = None, *, seconds: float | None = None
) -> Solution:
    """The choice with the least `objective` whose quantities stay within `limits`, with its proof.

    Equal problems give equal choices. seconds: of search; the best choice found by then has `proved` false.
    Raises InvalidValue for a quantity that the problem does not know; where no choice keeps all limits,
    one that names the limit to raise and the least that is possible; ToolMissing without HiGHS.
    """
    told = dict(limits or {})
    for name in (objective, *told):
        if name not in problem.quantities:
            raise InvalidValue(
                f"{name!r} is not among what is known of the choices",
                where="integer program",
                why=f"known are {', '.join(problem.quantities)}",
                remedy="hand in a `measure` that tells it, or limit another quantity",
            )
    found = _within(problem, objective, told, seconds)
    if found is not None:
        return found
    tight = bottleneck(problem, told, seconds=seconds)
    if tight is None:
        raise InvalidValue("no choice keeps all limits", where="integer program", remedy="raise the limits")
    raise _unreachable(tight, told)


def bottleneck(problem: Problem, limits: Mapping[str, float], *, seconds: float | None = None) -> Bottleneck | None:
    """The first limit that cannot be kept: alone if there is such a one, else beside all the others; or None."""
    for beside in (False, True):
        for name, most in limits.items():
            others = {other: value for other, value in limits.items() if other != name} if beside else {}
            found = _within(problem, name, others, seconds)
            if found is not None and found.totals[name] > most:
                return Bottleneck(name, found, others)
    return None


def _within(problem: Problem, objective: str, limits: dict[str, float], seconds: float | None) -> Solution | None:
    """The solution with sums recomputed outside the solver: its tolerances must not buy a broken limit."""
    asked = dict(limits)
    for _ in range(_TRIES):
        found = _solved(problem, objective, asked, seconds)
        over = [name for name, most in limits.items() if found and found.totals[name] > most + _ROUNDING * abs(most)]
        if not over:
            return found
        asked |= {name: asked[name] - _TIGHTER * max(1.0, abs(asked[name])) for name in over}
    return None


def _unreachable(tight: Bottleneck, limits: Mapping[str, float]) -> InvalidValue:
    least, name = tight.least.totals[tight.name], tight.name
    kept = ", ".join(f"{other} at most {value:g}" for other, value in tight.others.items())
    return InvalidValue(
        f"no choice of widths reaches {name} of at most {limits[name]:g}",
        where=f"limit {name}",
        why=f"the least possible is {least:.6g}" + (f" with {kept}" if kept else ""),
        remedy=f"allow {least:.6g} or more, or offer other widths",
    )


# The model as arrays: columns are the options of each site, then the cells of each pair.


class _Columns:
    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        sizes = [len(site.options) for site in problem.sites]
        cells = [sizes[pair.first] * sizes[pair.second] for pair in problem.pairs]
        starts = np.concatenate([[0], np.cumsum([*sizes, *cells])]).astype(int)
        self.sites = [np.arange(a, a + n) for a, n in zip(starts, sizes, strict=False)]
        self.pairs = [
            np.arange(a, a + n).reshape(sizes[pair.first], sizes[pair.second])
            for a, n, pair in zip(starts[len(sizes) :], cells, problem.pairs, strict=False)
        ]
        self.whole, self.count = sum(sizes), int(starts[-1])

    def row(self, quantity: str) -> Floats:
        """The coefficients of a quantity."""
        row = np.zeros(self.count)
        for part, at in zip((*self.problem.sites, *self.problem.pairs), (*self.sites, *self.pairs), strict=True):
            if quantity in part.terms:
                row[at] += np.asarray(part.terms[quantity], np.float64)
        return row

    def rules(self) -> list[tuple[dict[int, float], float]]:
        """Equalities (coefficients, right side): one option per site, and the products."""
        rows = [(dict.fromkeys(at.tolist(), 1.0), 1.0) for at in self.sites]
        for pair, cells in zip(self.problem.pairs, self.pairs, strict=True):
            for site, table in ((pair.first, cells), (pair.second, cells.T)):
                for option, line in zip(self.sites[site], table, strict=True):
                    rows.append(({**dict.fromkeys(line.tolist(), 1.0), int(option): -1.0}, 0.0))
        return rows


def _solved(problem: Problem, objective: str, limits: Mapping[str, float], seconds: float | None) -> Solution | None:
    """What HiGHS finds; None if nothing keeps the limits."""
    highspy, columns = _highs(), _Columns(problem)
    solver = highspy.Highs()
    settings = {"output_flag": False, "threads": 1, "random_seed": 0, "mip_rel_gap": 0.0, "mip_abs_gap": 0.0}
    settings |= {"mip_feasibility_tolerance": 1e-9, "primal_feasibility_tolerance": 1e-9}
    for name, value in (settings | ({} if seconds is None else {"time_limit": float(seconds)})).items():
        solver.setOptionValue(name, value)
    costs = columns.row(objective)
    solver.passModel(_model(highspy, columns, costs / (np.abs(costs).max(initial=0.0) or 1.0), limits))
    solver.run()
    status, info = solver.getModelStatus(), solver.getInfo()
    values = np.asarray(solver.getSolution().col_value)
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return None
    if len(values) != columns.count or info.primal_solution_status != 2:
        raise InvalidValue(
            "no choice was found", where="integer program", why=solver.modelStatusToString(status),
            remedy="give the solver more time",
        )  # fmt: skip
    choice = tuple(int(np.argmax(values[at])) for at in columns.sites)
    proved = status == highspy.HighsModelStatus.kOptimal
    totals = {name: problem.total(name, choice) for name in problem.quantities}
    return Solution(choice, totals, 0.0 if proved else float(info.mip_gap), proved, int(info.mip_node_count))


def _model(highspy: Any, columns: _Columns, costs: Floats, limits: Mapping[str, float]) -> Any:
    rows = columns.rules()
    low, high = [right for _, right in rows], [right for _, right in rows]
    for name, most in limits.items():
        row = columns.row(name)
        size = np.abs(row).max(initial=0.0) or 1.0
        rows.append(({int(at): float(row[at] / size) for at in np.flatnonzero(row)}, most / size))
        low, high = [*low, -highspy.kHighsInf], [*high, most / size]
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns.count, len(rows)
    model.col_cost_, model.col_lower_ = costs, np.zeros(columns.count)
    model.col_upper_, model.row_lower_, model.row_upper_ = np.ones(columns.count), np.array(low), np.array(high)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum([len(row) for row, _ in rows])]).astype(np.int32)
    model.a_matrix_.index_ = np.array([at for row, _ in rows for at in row], np.int32)
    model.a_matrix_.value_ = np.array([value for row, _ in rows for value in row.values()], np.float64)
    kinds = highspy.HighsVarType
    model.integrality_ = [kinds.kInteger if at < columns.whole else kinds.kContinuous for at in range(columns.count)]
    return model


def _highs() -> Any:
    try:
        import highspy
    except ImportError as error:
        raise ToolMissing(
            "HiGHS is not installed", where="integer program", remedy="pip install 'bitwright[search]'"
        ) from error
    return highspy
