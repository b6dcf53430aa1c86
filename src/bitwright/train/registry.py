"""`Registry`: things by name, as QKeras's module `registry` keeps them."""

from __future__ import annotations

from typing import Any

__all__ = ["Registry"]


class Registry:
    """A table from names to functions, classes or objects.

    >>> table = Registry()
    >>> _ = table.register(len)
    >>> table.lookup("len")("abc")
    3
    """

    def __init__(self) -> None:
        self._items: dict[str, Any] = {}

    def register(self, item: Any, name: str | None = None) -> Any:
        """Keep `item` under `name` (default: its `__name__`), in place of what was there; returns it.

        Raises AttributeError where there is neither.
        """
        self._items[item.__name__ if name is None else name] = item
        return item

    def lookup(self, name: str) -> Any:
        """What was registered as `name`; raises KeyError where nothing was."""
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._items)
