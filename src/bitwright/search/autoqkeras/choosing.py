"""Who chooses: `hp.Choice(name, values, default)` as keras-tuner has it, answered by a space or a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bitwright.core.errors import ConfigError
from bitwright.search.space import Choice, Configuration, Json, Space

__all__ = ["Chooser", "Configured", "Recorder", "chooser"]


class Chooser(Protocol):
    """What a hypermodel asks; keras-tuner's `HyperParameters` is one."""

    def Choice(self, name: str, values: Sequence[Any], default: Any = None) -> Any:  # noqa: N802
        """One of `values`, the same each time for one name."""
        ...


class Recorder:
    """Takes the default (else the first value) everywhere and remembers the choices: they are the space."""

    def __init__(self) -> None:
        self.choices: dict[str, Choice] = {}

    def Choice(self, name: str, values: Sequence[Any], default: Any = None) -> Any:  # noqa: N802
        """The default; a name that comes again must offer the same."""
        choice = Choice(name, tuple(values))
        if self.choices.setdefault(name, choice) != choice:
            remedy = "give the layers different names, or limit them by one pattern"
            raise ConfigError(f"two choices are named {name!r}", where="quantization space", remedy=remedy)
        return values[0] if default is None else default

    @property
    def space(self) -> Space:
        """All that was asked, in order."""
        return tuple(self.choices.values())


class Configured:
    """Answers from a configuration of the study."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def Choice(self, name: str, values: Sequence[Any], default: Any = None) -> Json:  # noqa: N802
        """What the configuration has under this name; raises ConfigError if it has nothing, or nothing offered."""
        if name not in self.configuration:
            remedy = "choose exactly what the hypermodel's space offers"
            raise ConfigError(f"choice {name!r} is not made", where="configuration", remedy=remedy)
        choice = Choice(name, tuple(values))
        return choice.options[choice.index(self.configuration[name])]


def chooser(hp: Chooser | Configuration) -> Chooser:
    """`hp` itself, or the one that answers from it if it is a configuration."""
    return Configured(hp) if isinstance(hp, Mapping) else hp
