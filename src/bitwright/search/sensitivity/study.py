"""One model's tables: sensitivities and costs, measured once and kept in the journal; candidates built from choices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.core.files import sha256
from bitwright.core.progress import Progress, Silent
from bitwright.search.sensitivity.costs import LayerCosts, Measure, calibration, layer_costs
from bitwright.search.sensitivity.fisher import fisher_scores
from bitwright.search.sensitivity.journal import Journal
from bitwright.search.sensitivity.kept import kept_or_made
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.probe import Probe
from bitwright.search.sensitivity.program import Pair, Problem, Site
from bitwright.search.sensitivity.scores import kind_of_score, scorer, share_right
from bitwright.search.sensitivity.sites import INPUT, Widths, build, explored
from bitwright.train.door import keras

__all__ = ["DROP", "LOSS", "Study"]

LOSS = "loss"
DROP = "accuracy_drop"
_BASE = "luts"
_COUNTED = ("bits", "ebops")
Tune = Callable[[Any], Any]
Floats = NDArray[np.float64]


class Study:
    """The tables of `model` on calibration data x (and labels y), as an integer program's `problem`.

    measure: tells luts, energy_pj and the like of a compiled model. tune: fine-tunes a candidate and
    returns it. folder: of the journal. Raises InvalidValue without samples.
    """

    def __init__(
        self, model: Any, x: Any, y: Any = None, *, options: Sensitivity, measure: Measure | None = None,
        tune: Tune | None = None, folder: Path | None = None, progress: Progress | None = None,
    ) -> None:  # fmt: skip
        self.model, self.options, self.measure, self.tune = model, options, measure, tune
        self.x, self.y = _drawn(x, y, options)
        self.progress, self._folder = progress or Silent(), folder
        self.network = explored(model, self.x, options)
        self.journal = Journal(folder, _fingerprint(model, self.x, self.y, options))
        self.probe = Probe(model, self.network, self.x, options)
        outputs = self.probe.outputs()
        self.score = kind_of_score(options.score, outputs)
        self._score_of = scorer(model, self.score, outputs, self.y)
        self._share_of = share_right(outputs, self.y)
        self._right = None if self._share_of is None else self._share_of(outputs)
        self.problem = self._with_accuracy(self._problem(self._sensitivities()))

    def measures(self, quantity: str) -> bool:
        """Whether the quantity of a built model is measured, and so only predicted of a choice."""
        return quantity in (LOSS, DROP) or (self.measure is not None and quantity not in _COUNTED)

    def widths(self, choice: tuple[int, ...]) -> Widths:
        """The widths that a choice of the integer program means."""
        return self._widths(self.problem, choice)

    def _widths(self, problem: Problem, choice: tuple[int, ...]) -> Widths:
        chosen = [site.options[at] for site, at in zip(problem.sites, choice, strict=True)]
        many = len(self.network.weights)
        return Widths(
            dict(zip(self.network.weights, chosen[:many], strict=True)),
            dict(zip(self.network.activations, chosen[many:], strict=True)),
        )

    def candidate(self, widths: Widths) -> tuple[Any, dict[str, float]]:
        """The quantized (and fine-tuned) model of these widths, and what is measured of it, its score included."""
        tune, key = self.tune, self._key("tuned" if self.tune else "built", widths)
        if tune is None:
            made = build(self.model, widths, self.x, self.options)
        else:
            made = kept_or_made(self._folder, key, lambda: tune(build(self.model, widths, self.x, self.options)))
        return made, self.journal.get(key, lambda: self._told(made))

    def _key(self, kind: str, widths: Widths) -> str:
        return f"{kind}{'' if self.measure is None else ' and measured'}: {widths.key}"

    def _told(self, made: Any) -> dict[str, float]:
        outputs = made.predict(self.x, batch_size=self.options.batch_size, verbose=0)
        costs = {} if self.measure is None else dict(self.measure(made))
        told = {**costs, LOSS: self._score_of(outputs)}
        return told if self._share_of is None else {**told, DROP: (self._right or 0.0) - self._share_of(outputs)}

    def _anchors(self, problem: Problem) -> list[tuple[tuple[int, ...], dict[str, float]]]:
        """Three choices of even widths, narrow, middle and wide, with what is measured of them, not fine-tuned."""
        found: list[tuple[tuple[int, ...], dict[str, float]]] = []
        for share in (0.0, 0.5, 1.0):
            choice = tuple(round(share * (len(site.options) - 1)) for site in problem.sites)
            widths = self._widths(problem, choice)
            key, made = self._key("built", widths), partial(build, self.model, widths, self.x, self.options)
            found.append((choice, self.journal.get(key, lambda made=made: self._told(made()))))
        return found

    def _sensitivities(self) -> dict[str, Floats]:
        """By kind and name of the site: the score for each width."""
        sites = [("weights", name, self.options.weights) for name in self.network.weights]
        sites += [("activations", name, self._widths_of(name)) for name in self.network.activations]
        self.progress.step("sensitivity", len(sites))
        estimated: dict[str, dict[str, float]] = {}
        found: dict[str, Floats] = {}
        for kind, name, widths in sites:
            key = f"{kind} {name}"

            def measured(kind: str = kind, name: str = name, key: str = key, widths: Any = widths) -> dict[str, float]:
                if self.options.method == "fisher" and not estimated:
                    estimated.update(self._fisher())
                return estimated.get(key) or {str(w): self._moved(kind, name, w) for w in widths}

            row = self.journal.get(key, measured)
            found[key] = np.array([max(row[str(width)], 0.0) for width in widths])
            self.progress.advance()
        self.progress.done(f"{len(sites)} sites")
        return found

    def _moved(self, kind: str, name: str, width: int) -> float:
        widths = Widths({name: width}, {}) if kind == "weights" else Widths({}, {name: width})
        score = self._score_of(self.probe.outputs(widths))
        if not math.isfinite(score):
            raise InvalidValue(f"the score is {score}", where=f"layer '{name}' at {width} bits", remedy="score='mse'")
        return score

    def _fisher(self) -> dict[str, dict[str, float]]:
        few = keras.tree.map_structure(lambda part: part[: self.options.fisher_samples], self.x)
        shifted = Probe(self.model, self.network, few, self.options, shifts=True)
        return fisher_scores(shifted, self.score, self.options)

    def _widths_of(self, name: str) -> tuple[int, ...]:
        return self.options.input_widths if name == INPUT else self.options.activations

    def _problem(self, scores: Mapping[str, Floats]) -> Problem:
        layers = layer_costs(self.model, self.network, self.probe, self.options, self.measure, self.journal)
        sites, pairs = list[Site](), list[Pair]()
        for layer in layers:
            terms = {LOSS: scores[f"weights {layer.name}"], **layer.single}
            sites.append(Site(layer.name, self.options.weights, terms))
        for name in self.network.activations:
            sites.append(Site(name, self._widths_of(name), {LOSS: scores[f"activations {name}"]}))
        for at, layer in enumerate(layers):
            sources = self.network.sources[layer.name]
            for source in sources:
                to = len(layers) + self.network.activations.index(source)
                pairs.append(Pair(at, to, _part(self._fitting(layer, source), len(sources))))
            if not sources:
                flat = {name: table[:, 0] for name, table in layer.double.items()}
                sites[at] = replace(sites[at], terms={**sites[at].terms, **flat})
        problem = Problem(tuple(sites), tuple(pairs))
        return problem if self.measure is None or self.options.costs == "compiled" else self._calibrated(problem)

    def _fitting(self, layer: LayerCosts, source: str) -> dict[str, Floats]:
        """The layer's tables over the widths of `source`, where another source's were assumed."""
        first = self.network.sources[layer.name][0]
        have, want = self._widths_of(first), self._widths_of(source)
        if have == want:
            return dict(layer.double)
        return {
            name: np.stack([np.interp(want, have, line) for line in table]) for name, table in layer.double.items()
        }

    def _calibrated(self, problem: Problem) -> Problem:
        """Every quantity that `measure` tells, as a constant plus a factor times the surrogate."""
        anchors = self._anchors(problem)
        names = [name for name in anchors[0][1] if name not in (LOSS, DROP, *_COUNTED)]
        fits = calibration([(problem.total(_BASE, c), {name: told[name] for name in names}) for c, told in anchors])
        pairs = tuple(replace(pair, terms=_refitted(pair.terms, fits)) for pair in problem.pairs)
        first, *others = (replace(site, terms=_refitted(site.terms, fits)) for site in problem.sites)
        constants = {name: constant for name, (constant, _) in fits.items()}
        first = replace(first, terms=_with_constants(first.terms, constants, len(first.options)))
        return Problem((first, *others), pairs)


    def _with_accuracy(self, problem: Problem) -> Problem:
        """With the drop of accuracy as so and so many times the loss: a first guess, which measurements correct."""
        if self._share_of is None:
            return problem
        pairs = [(problem.total(LOSS, choice), told[DROP]) for choice, told in self._anchors(problem)]
        ratios = [drop / loss for loss, drop in pairs if loss > 0 and drop > 0]
        ratio = float(np.median(ratios)) if ratios else 1.0
        sites = (replace(site, terms={**site.terms, DROP: ratio * site.terms[LOSS]}) for site in problem.sites)
        return replace(problem, sites=tuple(sites))


def _refitted(terms: Mapping[str, Floats], fits: Mapping[str, tuple[float, float]]) -> dict[str, Floats]:
    """The terms with the surrogate, where there is one, turned into what was fitted to it."""
    if _BASE not in terms:
        return dict(terms)
    return {**terms, **{name: factor * terms[_BASE] for name, (_, factor) in fits.items()}}


def _with_constants(terms: Mapping[str, Floats], constants: Mapping[str, float], many: int) -> dict[str, Floats]:
    return {**terms, **{name: terms.get(name, np.zeros(many)) + value for name, value in constants.items()}}


def _part(terms: Mapping[str, Floats], parts: int) -> dict[str, Floats]:
    return {name: table / parts for name, table in terms.items()}


def _drawn(x: Any, y: Any, options: Sensitivity) -> tuple[Any, Any]:
    """At most `samples` of the data, drawn with the seed, in their order."""
    arrays = keras.tree.map_structure(np.asarray, x)
    many = len(keras.tree.flatten(arrays)[0])
    if not many:
        raise InvalidValue("no samples", where="sensitivity", remedy="give a few hundred inputs of the training data")
    if options.samples is None or many <= options.samples:
        return arrays, y
    at = np.sort(np.random.default_rng(options.seed).permutation(many)[: options.samples])
    chosen = keras.tree.map_structure(lambda part: part[at], arrays)
    return chosen, None if y is None else keras.tree.map_structure(lambda part: np.asarray(part)[at], y)


def _fingerprint(model: Any, x: Any, y: Any, options: Sensitivity) -> str:
    """Of everything that a row of the journal depends on."""
    told = repr(replace(options, seconds=None, rounds=0))
    kinds = " ".join(f"{type(layer).__name__} {layer.name}" for layer in model.layers)
    arrays = [*model.get_weights(), *keras.tree.flatten(x), *([] if y is None else keras.tree.flatten(y))]
    digests = [sha256(np.ascontiguousarray(part).tobytes()) for part in arrays]
    return sha256("\n".join([told, kinds, *digests]))
