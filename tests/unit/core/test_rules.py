"""Rule tables: one answer per class, the nearest base class answers, gaps are refused with a hint."""

from __future__ import annotations

import pytest

from bitwright.core.errors import Unsupported
from bitwright.core.rules import Rules


class Animal: ...


class Dog(Animal): ...


class Puppy(Dog): ...


class Stone: ...


@pytest.fixture
def sound() -> Rules[[int], str]:
    table: Rules[[int], str] = Rules("sound of an animal")

    @table.on(Animal)
    def _(op: Animal, times: int) -> str:
        return "?" * times

    @table.on(Dog)
    def _(op: Dog, times: int) -> str:
        return "wow" * times

    return table


def test_the_nearest_class_answers(sound: Rules[[int], str]) -> None:
    assert sound(Animal(), 2) == "??"
    assert sound(Dog(), times=1) == "wow"
    assert sound(Puppy(), 2) == "wowwow"


def test_what_has_no_rule_is_refused_with_what_is_known(sound: Rules[[int], str]) -> None:
    with pytest.raises(Unsupported, match=r"sound of an animal: no rule for Stone \(it knows Animal, Dog\)"):
        sound(Stone(), 1)


def test_a_near_name_is_a_hint_at_the_missing_pass(sound: Rules[[int], str]) -> None:
    class Dogg: ...

    with pytest.raises(Unsupported, match="turns it into Dog") as caught:
        sound(Dogg(), 1)
    assert "did the pass" in caught.value.remedy


def test_a_class_is_registered_once(sound: Rules[[int], str]) -> None:
    with pytest.raises(TypeError, match="Dog already has a rule"):

        @sound.on(Stone, Dog)
        def _(op: object, times: int) -> str:
            return ""


def test_containment_follows_the_bases_and_kinds_do_not(sound: Rules[[int], str]) -> None:
    assert Puppy in sound
    assert Stone not in sound
    assert sound.kinds == {Animal, Dog}
    empty: Rules[[], int] = Rules("nothing")
    assert Animal not in empty
    assert empty.kinds == frozenset()
