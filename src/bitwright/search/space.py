"""What a search may choose: named choices between a few plain values each."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bitwright.core.errors import ConfigError, InvalidValue

__all__ = ["Choice", "Configuration", "Json", "Space", "check", "checked", "identity", "neighbors", "size"]

Json = str | int | float | bool | None
"""A plain value: what a choice offers, and what JSON can hold without losing its type."""

Configuration = Mapping[str, Json]
"""One option for each choice of a space."""


@dataclass(frozen=True)
class Choice:
    """One decision: a name and what it may be, at least one option and no two equal.

    Numbers in ascending order are an ordered choice: methods that can use the order do.

    >>> Choice("bits", (2, 4, 8)).ordered, Choice("quantizer", ("binary", "ternary")).ordered
    (True, False)
    """

    name: str
    options: tuple[Json, ...]

    def __post_init__(self) -> None:
        where = f"choice {self.name!r}"
        if not self.options:
            raise InvalidValue("it has no options", where=where, remedy="give at least one option")
        for option in self.options:
            if not _plain(option):
                remedy = "give strings, integers, finite floats, booleans or None"
                raise InvalidValue(f"option {option!r} is no plain value", where=where, remedy=remedy)
        if len(set(self.options)) < len(self.options):
            remedy = "give each option once (1, 1.0 and True are the same)"
            raise InvalidValue(f"two of the options {self.options} are equal", where=where, remedy=remedy)

    @property
    def ordered(self) -> bool:
        """True for numbers in ascending order."""
        numbers = [float(option) for option in self.options if type(option) is int or type(option) is float]
        return len(numbers) == len(self.options) and numbers == sorted(numbers)

    def index(self, value: Json) -> int:
        """The place of `value` among the options; raises `ConfigError` if it is none of them."""
        for place, option in enumerate(self.options):
            if type(option) is type(value) and option == value:
                return place
        remedy = f"choose one of {', '.join(map(repr, self.options))}"
        raise ConfigError(f"{value!r} is not among the options", where=f"choice {self.name!r}", remedy=remedy)


Space = tuple[Choice, ...]
"""The choices of a search, in the order in which they are made."""


def _plain(option: object) -> bool:
    finite = not isinstance(option, float) or math.isfinite(option)
    return finite and (option is None or type(option) in (str, int, float, bool))


def checked(space: Sequence[Choice]) -> Space:
    """`space` as a tuple; raises `InvalidValue` if it is empty or two choices share a name."""
    names = [choice.name for choice in space]
    if not names:
        raise InvalidValue("the space has no choices", remedy="give at least one Choice")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidValue(f"two choices are named {twice[0]!r}", remedy="give every choice a name of its own")
    return tuple(space)


def size(space: Space) -> int:
    """How many configurations there are.

    >>> size((Choice("a", (1, 2, 3)), Choice("b", ("x", "y"))))
    6
    """
    return math.prod(len(choice.options) for choice in space)


def check(configuration: Configuration, space: Space) -> dict[str, Json]:
    """`configuration` in the order of `space`; raises `ConfigError` unless it makes every choice and no other."""
    names = [choice.name for choice in space]
    unknown = sorted(set(configuration) - set(names))
    missing = sorted(set(names) - set(configuration))
    if unknown or missing:
        what = f"unknown choice {unknown[0]!r}" if unknown else f"choice {missing[0]!r} is not made"
        raise ConfigError(what, where="configuration", remedy=f"choose exactly {', '.join(names)}")
    return {choice.name: choice.options[choice.index(configuration[choice.name])] for choice in space}


def identity(configuration: Configuration) -> str:
    """A text that is equal for equal configurations and different for different ones.

    >>> identity({"b": 1.0, "a": True})
    '{"a": true, "b": 1.0}'
    """
    return json.dumps(dict(configuration), sort_keys=True)


def neighbors(configuration: Configuration, space: Space) -> Iterator[dict[str, Json]]:
    """All configurations that differ in one choice; an ordered choice moves by one place only.

    >>> [c["a"] for c in neighbors({"a": 2}, (Choice("a", (1, 2, 3, 4)),))]
    [1, 3]
    """
    here = check(configuration, space)
    for choice in space:
        place = choice.index(here[choice.name])
        for other, option in enumerate(choice.options):
            if other != place and (not choice.ordered or abs(other - place) == 1):
                yield here | {choice.name: option}
