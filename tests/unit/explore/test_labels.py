"""The least cost of a chain by labels: what trying every choice finds, and what branch and bound finds."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bitwright.cost.area import Area
from bitwright.explore import labels, program
from bitwright.explore.candidates import Candidate, Stage, Wire
from bitwright.explore.labels import Link, TooManyLabels, least_chain
from bitwright.passes.streaming import Folding

PRICES = {"luts": 1e-3, "dsps": 1e-2}
CEILINGS = {"luts": 900.0, "dsps": 20.0}


def chain(seed: int, count: int, options: int) -> tuple[list[Stage], list[Wire]]:
    """Stages in an order of their own, which trade LUTs for DSPs."""
    draw = random.Random(seed)
    stages = [
        Stage(f"s{n}", tuple(
            Candidate(Folding(), draw.choice((1, 2, 4)), draw.choice((1, 2, 4)), 1,
                      Area(luts=float(draw.randrange(40, 400)), dsps=float(draw.randrange(0, 9))))
            for _ in range(options)
        ))
        for n in range(count)
    ]  # fmt: skip
    order = draw.sample(range(count), count)
    return stages, [Wire(a, b, draw.randrange(1, 9)) for a, b in itertools.pairwise(order)]


def taken(stages: list[Stage], wires: list[Wire], choice: tuple[int, ...]) -> dict[str, float]:
    chosen = [s.candidates[at] for s, at in zip(stages, choice, strict=True)]
    total = sum((c.area for c in chosen), Area())
    for w in wires:
        total += program.conversion(chosen[w.producer].made, chosen[w.consumer].given, w.width)
    return {name: float(getattr(total, name)) for name in program.RESOURCES}


def cost_of(used: dict[str, float]) -> float:
    return sum(price * used[name] for name, price in PRICES.items())


def least(stages: list[Stage], wires: list[Wire], ceilings: dict[str, float], **told: Any) -> program.Answer | None:
    kept = [list(range(len(s.candidates))) for s in stages]
    return program.least(stages, wires, kept, PRICES, ceilings, **told)


@pytest.mark.parametrize("seed", range(40))
def test_no_choice_is_cheaper(seed: int) -> None:
    stages, wires = chain(seed, 1 + seed % 5, 4)
    tightness = 0.3 + 0.05 * (seed % 9)
    ceilings = {name: most * tightness * len(stages) / 4 for name, most in CEILINGS.items()}
    everything = itertools.product(*(range(len(s.candidates)) for s in stages))
    used = [taken(stages, wires, choice) for choice in everything]
    fitting = [cost_of(u) for u in used if all(u[name] <= most for name, most in ceilings.items())]
    answer = least(stages, wires, ceilings)
    assert (answer is None) == (not fitting)
    if answer is not None:
        found = taken(stages, wires, answer.choice)
        assert all(found[name] <= most + 1e-6 for name, most in ceilings.items())
        assert answer.proved
        assert answer.objective == pytest.approx(min(fitting))
        assert cost_of(found) == pytest.approx(min(fitting))


@pytest.mark.parametrize("seed", range(6))
def test_branch_and_bound_finds_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stages, wires = chain(seed, 9, 12)
    by_labels = least(stages, wires, CEILINGS)

    def too_many(*_: object) -> None:
        raise TooManyLabels

    monkeypatch.setattr(program, "least_chain", too_many)
    by_tree = least(stages, wires, CEILINGS)
    assert by_labels is not None
    assert by_tree is not None
    assert by_labels.objective == pytest.approx(by_tree.objective, rel=1e-9)


def test_what_is_no_chain_goes_to_branch_and_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "least_chain", lambda *_: pytest.fail("no chain"))
    stages, wires = chain(1, 3, 4)
    fork = [Wire(0, 1, 4), Wire(0, 2, 4)]
    twice = [Wire(0, 1, 4), Wire(0, 1, 4), Wire(1, 2, 4)]
    ring = [Wire(0, 1, 4), Wire(1, 0, 4)]
    for other in (fork, twice, ring):
        assert least(stages, other, {"luts": 5000.0, "dsps": 50.0}) is not None
    assert least(stages, wires, {"luts": 5000.0, "dsps": 50.0}, any_choice=True) is not None


def test_more_labels_than_are_worth_keeping_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "_MOST_LABELS", 1)
    use = np.array([[0.0], [1.0]])
    link = Link(np.array([1, 1]), np.array([1.0, 0.0]), use, np.zeros((1, 2)), np.zeros((1, 2, 1)))
    told = [link, replace(link, cost=np.array([2.0, 0.0]))]
    with pytest.raises(TooManyLabels):
        least_chain(told, np.array([1.0]), np.array([0.0]), 0.0)
