"""The integer program: one candidate a stage, converters between unequal lanes, least cost under ceilings, proved.

One binary x a stage and candidate. Words between stages of unequal lanes pass a converter, whose LUTs depend on both
ends: y[wire, made, given] >= 0 with its rows summing to the producer's candidates that make so many lanes and its
columns to the consumer's that take so many is the product of both choices wherever they are whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue, ToolMissing
from bitwright.cost.area import Area
from bitwright.explore.candidates import Candidate, Stage, Wire
from bitwright.explore.dominance import RESOURCES, conversion
from bitwright.explore.labels import Link, TooManyLabels, least_chain

__all__ = ["Answer", "least", "overshoot"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """The best choice (a candidate's number per stage), and the proof.

    gap: (objective - bound) / objective as the solver left it; 0 where `proved`. nodes: of the search tree.
    """

    choice: tuple[int, ...]
    objective: float
    gap: float
    proved: bool
    nodes: int


@dataclass
class _Model:
    """Columns are candidates stage by stage, then pairs of lanes wire by wire, then `spare` more."""

    stages: Sequence[Stage]
    wires: Sequence[Wire]
    kept: Sequence[Sequence[int]]
    rows: list[tuple[dict[int, float], float, float]] = field(
        default_factory=list[tuple[dict[int, float], float, float]]
    )
    usage: dict[str, dict[int, float]] = field(default_factory=dict[str, dict[int, float]])
    columns: list[tuple[int, Candidate]] = field(default_factory=list[tuple[int, Candidate]])
    cells: dict[tuple[Wire, int, int], int] = field(default_factory=dict[tuple[Wire, int, int], int])
    count: int = 0

    @classmethod
    def of(cls, stages: Sequence[Stage], wires: Sequence[Wire], kept: Sequence[Sequence[int]]) -> _Model:
        """Choices, wires, and what both take."""
        model = cls(stages, wires, kept, usage={name: {} for name in RESOURCES})
        starts: list[int] = []
        for number, options in enumerate(kept):
            starts.append(model.count)
            for option in options:
                candidate = stages[number].candidates[option]
                model.columns.append((number, candidate))
                model.use(model.count, candidate.area)
                model.count += 1
            model.rows.append((dict.fromkeys(range(starts[-1], model.count), 1.0), 1.0, 1.0))
        for wire in wires:
            model.wire(wire, starts)
        return model

    def use(self, column: int, area: Area) -> None:
        """What choosing a column takes."""
        for name in RESOURCES:
            amount = float(getattr(area, name))
            if amount:
                self.usage[name][column] = self.usage[name].get(column, 0.0) + amount

    def wire(self, wire: Wire, starts: Sequence[int]) -> None:
        """The pairs of lanes at the ends of a wire."""
        sides: list[dict[int, list[int]]] = [{}, {}]
        for side, stage in enumerate((wire.producer, wire.consumer)):
            for at, option in enumerate(self.kept[stage]):
                candidate = self.stages[stage].candidates[option]
                lanes = candidate.given if side else candidate.made
                sides[side].setdefault(lanes, []).append(starts[stage] + at)
        cells: dict[tuple[int, int], int] = {}
        for made in sides[0]:
            for given in sides[1]:
                cells[made, given] = self.cells[wire, made, given] = self.count
                self.use(self.count, conversion(made, given, wire.width))
                self.count += 1
        for side in (0, 1):
            for lanes, own in sides[side].items():
                row = dict.fromkeys((at for key, at in cells.items() if key[side] == lanes), 1.0)
                self.rows.append((row | dict.fromkeys(own, -1.0), 0.0, 0.0))

    def solve(
        self, costs: Mapping[int, float], seconds: float | None, spare: int = 0, any_choice: bool = False
    ) -> Answer | None:
        """The least cost, or with `any_choice` the first that is found; None where nothing fulfills the rows."""
        highspy = _highs()
        solver = highspy.Highs()
        settings: dict[str, Any] = {"output_flag": False, "threads": 1, "random_seed": 0}
        gap = highspy.kHighsInf if any_choice else 0.0
        settings |= {"mip_rel_gap": gap, "mip_abs_gap": gap, "mip_feasibility_tolerance": 1e-9}
        settings |= {"primal_feasibility_tolerance": 1e-9}
        for name, value in (settings | ({} if seconds is None else {"time_limit": float(seconds)})).items():
            solver.setOptionValue(name, value)
        solver.passModel(self._matrix(highspy, costs, spare))
        solver.run()
        status, info = solver.getModelStatus(), solver.getInfo()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            return None
        if info.primal_solution_status != 2:
            raise InvalidValue(
                "no choice was found", where="exploration", why=solver.modelStatusToString(status),
                remedy="give the solver more time",
            )  # fmt: skip
        values = np.asarray(solver.getSolution().col_value)
        proved = status == highspy.HighsModelStatus.kOptimal
        gap = 0.0 if proved else float(info.mip_gap)
        return Answer(self._choice(values), float(info.objective_function_value), gap, proved, int(info.mip_node_count))

    def relaxed(self, costs: Mapping[int, float]) -> tuple[float, Floats] | None:
        """The least cost of fractions of candidates, and each row's dual; None where HiGHS finds none."""
        highspy = _highs()
        solver = highspy.Highs()
        for name, value in {"output_flag": False, "threads": 1, "random_seed": 0}.items():
            solver.setOptionValue(name, value)
        matrix = self._matrix(highspy, costs, 0)
        matrix.integrality_ = []
        solver.passModel(matrix)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        return float(solver.getInfo().objective_function_value), np.asarray(solver.getSolution().row_dual)

    def _choice(self, values: Floats) -> tuple[int, ...]:
        found, at = list[int](), 0
        for options in self.kept:
            found.append(options[int(np.argmax(values[at : at + len(options)]))])
            at += len(options)
        return tuple(found)

    def _matrix(self, highspy: Any, costs: Mapping[int, float], spare: int) -> Any:
        model, total = highspy.HighsLp(), self.count + spare
        model.num_col_, model.num_row_ = total, len(self.rows)
        model.col_cost_ = np.array([costs.get(at, 0.0) for at in range(total)])
        model.col_lower_ = np.zeros(total)
        model.col_upper_ = np.array([1.0] * self.count + [highspy.kHighsInf] * spare)
        model.row_lower_, model.row_upper_ = (np.array([row[end] for row in self.rows]) for end in (1, 2))
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.concatenate([[0], np.cumsum([len(row[0]) for row in self.rows])]).astype(np.int32)
        model.a_matrix_.index_ = np.array([at for row in self.rows for at in row[0]], np.int32)
        model.a_matrix_.value_ = np.array([v for row in self.rows for v in row[0].values()], np.float64)
        kinds = highspy.HighsVarType
        whole = len(self.columns)
        model.integrality_ = [kinds.kInteger if at < whole else kinds.kContinuous for at in range(total)]
        return model


def least(
    stages: Sequence[Stage],
    wires: Sequence[Wire],
    kept: Sequence[Sequence[int]],
    prices: Mapping[str, float],
    ceilings: Mapping[str, float],
    extra: Mapping[tuple[int, int], float] | None = None,
    seconds: float | None = None,
    any_choice: bool = False,
) -> Answer | None:
    """The choice with the least sum of prices times resources under `ceilings`; None where none keeps them.

    `extra`: a cost of its own of a stage's candidate, by both numbers. any_choice: the first that keeps the ceilings.
    """
    if not all(kept):
        return None
    model = _Model.of(stages, wires, kept)
    costs: dict[int, float] = {}
    for name, price in prices.items():
        for at, amount in model.usage[name].items():
            costs[at] = costs.get(at, 0.0) + price * amount
    if extra:
        numbers = [(n, option) for n, options in enumerate(kept) for option in options]
        for at, key in enumerate(numbers):
            costs[at] = costs.get(at, 0.0) + extra.get(key, 0.0)
    for name, most in ceilings.items():
        scale = max(most, 1.0)
        model.rows.append(({at: v / scale for at, v in model.usage[name].items()}, -np.inf, most / scale))
    order = [] if any_choice or seconds is not None else _order(len(stages), wires)
    relaxed = model.relaxed(costs) if order else None
    if relaxed is not None:
        try:
            return _on_chain(model, order, costs, ceilings, *relaxed)
        except TooManyLabels:
            pass
    return model.solve(costs, seconds, any_choice=any_choice)


def _order(count: int, wires: Sequence[Wire]) -> list[Wire | None]:
    """The wires into the stages of a chain from its begin, the first of which has none; nothing where it is none."""
    behind = {wire.producer: wire for wire in wires}
    starts = set(range(count)) - {wire.consumer for wire in wires}
    if len(wires) != count - 1 or len(behind) != count - 1 or len(starts) != 1:
        return []
    order: list[Wire | None] = [None]
    at = starts.pop()
    while at in behind:
        order.append(behind[at])
        at = behind[at].consumer
    return order if len(order) == count else []


def _on_chain(
    model: _Model,
    order: Sequence[Wire | None],
    costs: Mapping[int, float],
    ceilings: Mapping[str, float],
    bound: float,
    duals: Floats,
) -> Answer | None:
    """The least cost where every stage reads the one before alone; the model's last rows are the ceilings.

    bound, duals: of the relaxation. Raises TooManyLabels.
    """
    scales = np.array([max(most, 1.0) for most in ceilings.values()])
    stage_of = [order[1].producer if len(order) > 1 and order[1] else 0, *(w.consumer for w in order if w)]
    own = [[at for at, (number, _) in enumerate(model.columns) if number == stage] for stage in stage_of]
    links: list[Link] = []
    for place, (wire, columns) in enumerate(zip(order, own, strict=True)):
        candidates = [model.columns[at][1] for at in columns]
        made = np.unique([model.columns[at][1].made for at in own[place - 1]]) if wire else [0]
        cells = [[model.cells[wire, int(m), c.given] if wire else -1 for c in candidates] for m in made]
        use = np.array([[model.usage[name].get(at, 0.0) for name in ceilings] for at in columns])
        entry = np.array([[[model.usage[name].get(at, 0.0) for name in ceilings] for at in row] for row in cells])
        links.append(Link(
            np.array([c.made for c in candidates]), np.array([costs.get(at, 0.0) for at in columns]), use,
            np.array([[costs.get(at, 0.0) for at in row] for row in cells]), entry,
        ))  # fmt: skip
    found = least_chain(
        links, np.array(list(ceilings.values())), np.maximum(-duals[-len(scales) :] / scales, 0.0), bound
    )
    if found is None:
        return None
    options, cost, labels = found
    choice = dict(zip(stage_of, options, strict=True))
    return Answer(tuple(model.kept[n][choice[n]] for n in range(len(model.kept))), cost, 0.0, True, labels)


def overshoot(
    stages: Sequence[Stage], wires: Sequence[Wire], kept: Sequence[Sequence[int]], ceilings: Mapping[str, float]
) -> tuple[Answer, float] | None:
    """The choice whose largest share of a ceiling is least, and that share: what is missing where nothing fits."""
    if not all(kept):
        return None
    model = _Model.of(stages, wires, kept)
    share = model.count
    for name, most in ceilings.items():
        row = {at: v / max(most, 1.0) for at, v in model.usage[name].items()}
        model.rows.append((row | {share: -1.0}, -np.inf, 0.0))
    answer = model.solve({share: 1.0}, 20.0, spare=1)
    return None if answer is None else (answer, answer.objective)


def _highs() -> Any:
    try:
        import highspy
    except ImportError as error:
        raise ToolMissing(
            "HiGHS is not installed", where="exploration", remedy="pip install 'bitwright[search]'"
        ) from error
    return highspy
