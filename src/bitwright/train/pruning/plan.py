"""What a pruning does to one model: the weights, what goes with them, and new masks when they are due."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from bitwright.core.errors import ConfigError
from bitwright.train.health import Ailment, Finding, HealthWarning
from bitwright.train.observe import as_array
from bitwright.train.pruning.criteria import Criterion
from bitwright.train.pruning.masks import Pruned
from bitwright.train.pruning.partners import Partner, makes_outputs, partners_of, refuse_without_zero
from bitwright.train.pruning.schedules import PruningSchedule
from bitwright.train.pruning.structures import Grouped, Neurons, Structure
from bitwright.train.pruning.weights import Bools, Prunable, prunable_weights

__all__ = ["Plan", "Target", "planned"]

Target = float | Mapping[str, float] | None
Renew = Callable[[str, Bools], None]


@dataclass
class Plan:
    """The weights to prune, each with its schedule. `findings`: layers that lost everything, each told once."""

    structure: Structure
    criterion: Criterion
    across: bool
    schedules: list[tuple[Prunable, PruningSchedule]]
    partners: dict[str, list[Partner]]
    findings: list[Finding] = field(default_factory=list[Finding])

    @property
    def variables(self) -> dict[str, Any]:
        """Every variable that gets a mask, by name."""
        found = {one.name: one.variable for one, _ in self.schedules}
        found.update((partner.name, partner.variable) for group in self.partners.values() for partner in group)
        return found

    def due(self, step: int) -> bool:
        """Whether any mask is made anew at `step`."""
        return any(schedule.due(step) for _, schedule in self.schedules)

    def renewed(self, step: int, pruned: Pruned, renew: Renew) -> Pruned:
        """The masks after `step`; `renew(name, mask)` is called for each that is made anew."""
        ready = [(one, schedule) for one, schedule in self.schedules if schedule.due(step)]
        for group in [ready] if self.across else [[one] for one in ready]:
            ones = [one for one, _ in group]
            masks = self.structure.keep(ones, [self.criterion(one) for one in ones], group[0][1].share(step))
            for one, mask in zip(ones, masks, strict=True):
                pruned = self._placed(one, mask, pruned, renew)
        return pruned

    def _placed(self, one: Prunable, mask: Bools, pruned: Pruned, renew: Renew) -> Pruned:
        told = [(one.name, one.variable, mask)]
        for partner in self.partners.get(one.name, ()):
            told.append((partner.name, partner.variable, np.asarray(one.layout.matrix(mask).any(axis=0))))
        for name, variable, part in told:
            pruned = pruned.renewed(name, part, as_array(variable))
            renew(name, part)
        if not mask.any():
            self._tell(one)
        return pruned

    def _tell(self, one: Prunable) -> None:
        what = f"all {one.variable.shape} weights of '{one.attribute}' are pruned: its outputs no longer depend on x"
        remedy = f"give it a lower share, as in target={{'{one.layer.name}': 0.5}}, or rank each layer for itself"
        finding = Finding(one.layer.name, Ailment.ZERO_WEIGHTS, 1.0, what, remedy)
        if finding not in self.findings:
            self.findings.append(finding)
            warnings.warn(str(finding), HealthWarning, stacklevel=4)


def planned(
    model: Any, schedule: PruningSchedule, target: Target, structure: Structure, criterion: Criterion, layers: str,
    across: bool,
) -> Plan:  # fmt: skip
    """The plan for `model`; see `Prune` for the arguments. Raises ConfigError, InvalidValue or Unsupported."""
    ones = prunable_weights(model, layers)
    if isinstance(structure, Neurons):
        inner = [one for one in ones if not makes_outputs(model, one.layer)]
        ones = _some(inner, f"model '{model.name}'", "every layer here makes the outputs", "name others by layers=")
    _check_across(structure, target, across)
    shares = _shares(ones, schedule, target)
    ones = _some([one for one in ones if one.name in shares], f"model '{model.name}'", "no target", "give one")
    for one in ones:
        refuse_without_zero(one)
        structure.check(one, shares[one.name])
    partners = {one.name: partners_of(model, one) for one in ones if structure.whole_neurons}
    schedules = [(one, schedule if target is None else schedule.towards(shares[one.name])) for one in ones]
    return Plan(structure, criterion, across, schedules, partners)


def _shares(ones: Sequence[Prunable], schedule: PruningSchedule, target: Target) -> dict[str, float]:
    """The final share of each weight that is to be pruned."""
    if not isinstance(target, Mapping):
        return dict.fromkeys((one.name for one in ones), schedule.final if target is None else target)
    names = [one.layer.name for one in ones]
    for key in target:
        if not any(fnmatchcase(name, key) for name in names):
            near = get_close_matches(key, names, 1, cutoff=0.3)
            remedy = f"did you mean {near[0]!r}?" if near else f"use {', '.join(dict.fromkeys(names))}"
            raise ConfigError(f"target {key!r} matches no layer with weights to prune", where="Prune", remedy=remedy)
    found: dict[str, float] = {}
    for one in ones:
        # An exact name beats patterns, and these come in the order given, as in `quantize`.
        fits = [share for key, share in target.items() if fnmatchcase(one.layer.name, key)]
        if fits:
            found[one.name] = target.get(one.layer.name, fits[0])
    return found


def _check_across(structure: Structure, target: Target, across: bool) -> None:
    if across and isinstance(target, Mapping):
        raise ConfigError("targets by layer, and across layers", where="Prune", remedy="give one share for all")
    if across and not isinstance(structure, Grouped):
        what = f"{type(structure).__name__} holds within each layer, not across them"
        raise ConfigError(what, where="Prune", remedy="leave out across=True")


def _some(ones: list[Prunable], where: str, why: str, remedy: str) -> list[Prunable]:
    if not ones:
        raise ConfigError("nothing to prune", where=where, why=why, remedy=remedy)
    return ones
