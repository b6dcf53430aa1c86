"""An exploration as the command line asks for it, and the lines that answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ConfigError
from bitwright.flow import exploring

if TYPE_CHECKING:
    from bitwright.flow.variants import Variants

__all__ = ["ExploreAsked"]


@dataclass(frozen=True)
class ExploreAsked:
    """What is explored on which devices, and what is wanted of it; None and False: not asked for.

    architecture: of `explore`, or "all": a table for each device. front: the whole front instead of the best plan.
    variants: narrower and pruned versions, each a family of the front. out: a file for the best plan's foldings.
    report: a folder for the page of the front. options: of `compile`.
    """

    model: Path
    devices: tuple[str, ...]
    options: Mapping[str, Any]
    clock_mhz: float | None = None
    target_fps: float | None = None
    objective: str | None = None
    architecture: str = "dataflow"
    front: bool = False
    variants: Variants | None = None
    out: Path | None = None
    report: Path | None = None

    def lines(self) -> Iterator[str]:
        """The answer, part by part, as it is found; raises ConfigError for what the answer would ignore."""
        if self.variants and not (self.front or self.report):
            raise ConfigError("versions without a front", where="explore", remedy="add --front, or --report FOLDER")
        if self.out and (self.front or self.architecture == "all"):
            raise ConfigError("--out writes one folding", where="explore", remedy="drop --front, --architecture all")
        if self.front:
            yield from self._front()
        elif self.architecture == "all":
            yield from self._architectures()
        else:
            yield from self._best()
        if self.report:
            yield self._page(self.report)

    @property
    def _clocks(self) -> tuple[float, ...]:
        return () if self.clock_mhz is None else (self.clock_mhz,)

    @property
    def _wanted(self) -> dict[str, Any]:
        wanted = {"clock_mhz": self.clock_mhz, "target_fps": self.target_fps, "objective": self.objective}
        return {**wanted, **self.options}

    def _front(self) -> Iterator[str]:
        found = exploring.explore_front(
            self.model, self.devices, self._clocks, variants=self.variants, **self.options
        )  # fmt: skip
        yield from map(exploring.plan_line, found)

    def _architectures(self) -> Iterator[str]:
        for name in self.devices:
            found = exploring.explore_architectures(self.model, name, **self._wanted)
            yield f"{name}\n{exploring.architectures_table(found)}"

    def _best(self) -> Iterator[str]:
        plan = exploring.explore(self.model, self.devices, architecture=self.architecture, **self._wanted)
        yield exploring.plan_table(plan)
        if self.out:
            yield str(exploring.write_plan(plan, self.out))

    def _page(self, folder: Path) -> str:
        from bitwright.flow.exploration_report import explore_report

        wanted = {"target_fps": self.target_fps, "objective": self.objective, "variants": self.variants}
        page = explore_report(
            self.model, self.devices, folder=folder, clocks_mhz=self._clocks, **wanted, **self.options
        )  # fmt: skip
        return str(page)
