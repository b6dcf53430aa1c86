"""Spaces: what may be chosen, and how configurations are checked and compared."""

from __future__ import annotations

import pytest

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.search.space import Choice, check, checked, identity, neighbors, size

SPACE = (Choice("bits", (2, 4, 8)), Choice("kind", ("a", None, True)))


@pytest.mark.parametrize(
    ("options", "fault"),
    [((), "no options"), ((1, 2, 1), "equal"), ((1, True), "equal"), ((1, 1.0), "equal"), ((float("nan"),), "plain"),
     (([1],), "plain"), ((b"x",), "plain")],
)
def test_options_that_a_file_could_not_tell_apart_are_refused(options: tuple, fault: str) -> None:
    with pytest.raises(InvalidValue, match=fault):
        Choice("x", options)


def test_a_space_needs_choices_with_names_of_their_own() -> None:
    with pytest.raises(InvalidValue, match="no choices"):
        checked([])
    with pytest.raises(InvalidValue, match="two choices are named 'bits'"):
        checked([Choice("bits", (1,)), Choice("bits", (2,))])
    assert checked(list(SPACE)) == SPACE
    assert size(SPACE) == 9


def test_a_configuration_makes_every_choice_with_the_right_type_and_no_other() -> None:
    assert list(check({"kind": None, "bits": 4}, SPACE)) == ["bits", "kind"]
    for wrong, fault in (
        ({"bits": 4}, "'kind' is not made"),
        ({"bits": 4, "kind": "a", "more": 1}, "unknown choice 'more'"),
        ({"bits": 3, "kind": "a"}, "3 is not among the options"),
        ({"bits": 4.0, "kind": "a"}, "4.0 is not among the options"),
        ({"bits": 4, "kind": 1}, "1 is not among the options"),
    ):
        with pytest.raises(ConfigError, match=fault):
            check(wrong, SPACE)


def test_identities_differ_exactly_where_configurations_do() -> None:
    assert identity({"a": 1, "b": "x"}) == identity({"b": "x", "a": 1})
    values = [1, 1.0, True, "1", None, "null", "true"]
    assert len({identity({"a": value}) for value in values}) == len(values)


def test_neighbors_differ_in_one_choice_and_ordered_ones_by_one_place() -> None:
    here = {"bits": 2, "kind": "a"}
    assert list(neighbors(here, SPACE)) == [
        {"bits": 4, "kind": "a"}, {"bits": 2, "kind": None}, {"bits": 2, "kind": True}
    ]
    assert not Choice("x", (4, 2)).ordered
    assert not Choice("x", (False, True)).ordered
    assert Choice("x", (0.5, 1, 2)).ordered
