"""The integer program is exact, its limits hold, and what it assigns is what is built."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.sensitivity import Assignment, Sensitivity, assign, front, tuning
from bitwright.search.sensitivity.program import Pair, Problem, Site, solve

OPTIONS = Sensitivity(weights=(2, 4, 6), activations=(3, 5), samples=128)


def table(draw: Any, *shape: int) -> Any:
    size = int(np.prod(shape))
    return np.array(draw(st.lists(st.integers(0, 40), min_size=size, max_size=size)), float).reshape(shape)


@st.composite
def problems(draw: Any) -> Problem:
    """Up to four sites of up to three options; any pairs of them, cycles among the pairs included."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    sites = tuple(
        Site(f"s{at}", tuple(range(size)), {"loss": table(draw, size) / 7, "bits": table(draw, size)})
        for at, size in enumerate(sizes)
    )
    joined = [pair for pair in itertools.combinations(range(len(sizes)), 2) if draw(st.booleans())]
    return Problem(sites, tuple(Pair(a, b, {"luts": table(draw, sizes[a], sizes[b])}) for a, b in joined))


def every_choice(problem: Problem) -> list[tuple[int, ...]]:
    return list(itertools.product(*(range(len(site.options)) for site in problem.sites)))


@settings(max_examples=120)
@given(problems(), st.integers(0, 130), st.integers(0, 130))
def test_the_integer_program_equals_brute_force(problem: Problem, bits: int, luts: int) -> None:
    limits = {"bits": float(bits)} | ({"luts": float(luts)} if problem.pairs else {})
    kept = [c for c in every_choice(problem) if all(problem.total(q, c) <= most for q, most in limits.items())]
    if not kept:
        with pytest.raises(InvalidValue, match="least possible is"):
            solve(problem, "loss", limits)
        return
    found = solve(problem, "loss", limits)
    assert found.choice in kept
    assert found.totals["loss"] == pytest.approx(min(problem.total("loss", c) for c in kept), abs=1e-9)
    assert (found.proved, found.gap) == (True, 0.0)


def test_an_impossible_limit_is_named_with_the_least_that_is_possible() -> None:
    site = Site("a", (1, 2), {"loss": np.array([1.0, 0.0]), "luts": np.array([10.0, 20.0])})
    with pytest.raises(InvalidValue, match=r"limit luts: .* at most 9 \(the least possible is 10\)"):
        solve(Problem((site,)), "loss", {"luts": 9})


def test_limits_that_exclude_each_other_are_named_with_what_they_exclude() -> None:
    one = Site("a", (1, 2), {"loss": np.array([1.0, 0.0]), "luts": np.array([10.0, 20.0])})
    with pytest.raises(InvalidValue, match=r"limit loss: .*the least possible is 1 with luts at most 15"):
        solve(Problem((one,)), "luts", {"loss": 0.5, "luts": 15})


def test_a_quantity_that_nobody_told_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidValue, match=r"'dsps' is not among .*known are loss"):
        solve(Problem((Site("a", (1,), {"loss": np.zeros(1)}),)), "loss", {"dsps": 1})


def test_a_large_program_is_solved_to_a_proved_optimum() -> None:
    rng, widths = np.random.default_rng(0), np.arange(2.0, 9.0)
    names = tuple(range(2, 9))
    losses = [np.sort(rng.random(7))[::-1] * 4.0 ** -np.arange(7) for _ in range(60)]
    sites = tuple(Site(f"s{at}", names, {"loss": loss}) for at, loss in enumerate(losses))
    costs = [np.outer(widths, widths) * rng.uniform(10, 1000) for _ in range(30)]
    problem = Problem(sites, tuple(Pair(at, 30 + at, {"luts": cost}) for at, cost in enumerate(costs)))
    most = 0.25 * problem.total("luts", (6,) * 60)
    found = solve(problem, "loss", {"luts": most})
    assert found.proved
    assert found.totals["luts"] <= most
    assert found.totals["loss"] < problem.total("loss", (2,) * 60)


@pytest.mark.parametrize("told", [{"weights": ()}, {"weights": (4, 2)}, {"activations": (0, 2)}, {"score": "best"}])
def test_options_that_mean_nothing_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="Sensitivity"):
        Sensitivity(**told)


@pytest.fixture(scope="module")
def network() -> tuple[Any, Any]:
    keras.utils.set_random_seed(3)
    entry = keras.Input((6,), name="x")
    hidden = keras.layers.Dense(8, activation="relu", name="fc1")(entry)
    model = keras.Model(entry, keras.layers.Dense(3, activation="softmax", name="fc2")(hidden), name="net")
    return model, np.random.default_rng(0).normal(size=(256, 6)).astype("float32")


@pytest.fixture(scope="module")
def points(network: tuple[Any, Any]) -> tuple[Assignment, ...]:
    return front(*network, cost="luts", points=5, options=OPTIONS)


def test_a_front_has_no_point_that_another_beats(points: tuple[Assignment, ...]) -> None:
    told = [(point.predicted["luts"], point.predicted["loss"]) for point in points]
    assert len(told) >= 3
    assert all(a[0] < b[0] and a[1] > b[1] for a, b in itertools.pairwise(told))
    assert all(point.proved and point.gap == 0 for point in points)


def test_the_built_model_has_the_assigned_widths(points: tuple[Assignment, ...]) -> None:
    point = points[1]
    layers = {layer.name: layer for layer in point.model.layers}
    assert {name: layers[name].kernel_quantizer.bits for name in point.weights} == point.weights
    assert layers["fc1"].activation.bits == point.activations["fc1"]
    assert layers["x_quantizer"].quantizer.bits == point.activations["input"]


def test_equal_calls_give_equal_assignments(network: tuple[Any, Any], points: tuple[Assignment, ...]) -> None:
    assert front(*network, cost="luts", points=5, options=OPTIONS) == points


@pytest.mark.long
def test_less_loss_is_bought_with_more_cost_and_the_other_way_round(network: tuple[Any, Any]) -> None:
    cheap = assign(*network, objective="bits", limits={"loss": 0.05}, options=OPTIONS)
    assert cheap.measured["loss"] <= 0.05
    best = assign(*network, limits={"bits": cheap.predicted["bits"]}, options=OPTIONS)
    assert best.predicted["bits"] <= cheap.predicted["bits"]
    assert best.predicted["loss"] <= cheap.predicted["loss"]


def stubborn(model: Any) -> dict[str, float]:
    """A compiler whose area grows faster than any surrogate knows."""
    widths = [layer.kernel_quantizer.bits for layer in model.layers if hasattr(layer, "kernel_quantizer")]
    return {"luts": float(sum(widths) ** 3), "dsps": 1.0}


def test_what_the_compiler_says_keeps_the_limits(network: tuple[Any, Any]) -> None:
    found = assign(*network, limits={"luts": 250, "dsps": 1}, options=OPTIONS, measure=stubborn)
    assert found.measured["luts"] <= 250
    assert found.measured["dsps"] == 1
    assert sum(found.weights.values()) == 6


def test_the_cheapest_choice_is_tried_before_a_limit_is_called_impossible(network: tuple[Any, Any]) -> None:
    found = assign(*network, limits={"luts": 64}, options=OPTIONS, measure=stubborn)
    assert (found.measured["luts"], found.weights) == (64, {"fc1": 2, "fc2": 2})
    assert found.predicted["luts"] > 64


@pytest.mark.long
def test_a_limit_that_even_corrections_do_not_keep_is_an_error(network: tuple[Any, Any]) -> None:
    with pytest.raises(InvalidValue, match="limit luts"):
        assign(*network, limits={"luts": 60}, options=OPTIONS, measure=stubborn)


@pytest.mark.long
def test_single_layers_can_be_compiled_for_their_costs(network: tuple[Any, Any]) -> None:
    seen: list[tuple[int, int]] = []

    def measure(model: Any) -> dict[str, float]:
        if model.name in ("fc1", "fc2"):
            seen.append((model.layers[1].quantizer.bits, model.layers[2].kernel_quantizer.bits))
            return {"luts": float(np.prod(seen[-1]))}
        return {"luts": 0.0}

    found = assign(
        *network, limits={"luts": 30}, measure=measure,
        options=Sensitivity(weights=(2, 4), activations=(3, 4, 5), costs="compiled"),
    )  # fmt: skip
    assert sorted(set(seen)) == [(3, 2), (3, 4), (5, 2), (5, 4)]
    wanted = found.activations["input"] * found.weights["fc1"] + found.activations["fc1"] * found.weights["fc2"]
    assert found.predicted["luts"] == pytest.approx(wanted)


@pytest.mark.long
def test_candidates_are_tuned_before_they_are_judged_and_never_twice(network: tuple[Any, Any], tmp_path: Path) -> None:
    model, x = network
    y = np.argmax(model.predict(x, verbose=0), axis=-1)
    train, calls = tuning(x, y, epochs=4, batch_size=32), list[Any]()

    def counted(candidate: Any) -> Any:
        calls.append(candidate)
        return train(candidate)

    plain = assign(model, x, limits={"bits": 200}, options=OPTIONS)
    tuned = assign(model, x, limits={"bits": 200}, options=OPTIONS, tune=counted, folder=tmp_path)
    assert tuned.weights == plain.weights
    assert tuned.measured["loss"] != plain.measured["loss"]
    trained = len(calls)
    again = assign(model, x, limits={"bits": 200}, options=OPTIONS, tune=counted, folder=tmp_path)
    assert (again, len(calls)) == (tuned, trained)
    np.testing.assert_array_equal(again.model.predict(x, verbose=0), tuned.model.predict(x, verbose=0))


def test_accuracy_lost_is_a_limit_in_the_users_words(network: tuple[Any, Any]) -> None:
    model, x = network
    y = np.argmax(model.predict(x, verbose=0), axis=-1)
    told = Sensitivity(weights=(2, 4, 8), activations=(8,), samples=None)
    found = assign(model, x, y, objective="bits", limits={"accuracy_drop": 0.03}, options=told)
    right = (np.argmax(found.model.predict(x, verbose=0), axis=-1) == y).mean()
    assert found.measured["accuracy_drop"] == pytest.approx(1 - right)
    assert found.measured["accuracy_drop"] <= 0.03
    assert found.weights != {"fc1": 8, "fc2": 8}
