"""The collector pauses inside and is as before outside."""

from __future__ import annotations

import gc

import pytest

from bitwright.core.collector import collector_paused


def test_nothing_is_collected_inside_and_nested_pauses_end_with_the_outer_one() -> None:
    assert gc.isenabled()
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_exception_leaves_the_collector_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError), collector_paused():
        _ = 1 // 0
    assert gc.isenabled()
