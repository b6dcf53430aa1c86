"""Identifiers are legal in Verilog, C++ and Python, and handed out once."""

from __future__ import annotations

import keyword
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.naming import Namer, identifier

LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@given(st.text(max_size=20))
def test_any_text_becomes_a_legal_identifier_that_stays_as_it_is(text: str) -> None:
    name = identifier(text)
    assert LEGAL.fullmatch(name)
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert identifier(name) == name


WORDS = "wire reg cover final type global logic in lambda None pass template nullptr clk"


@pytest.mark.parametrize("word", WORDS.split())
def test_words_of_any_language_get_a_tail(word: str) -> None:
    assert identifier(word) == f"{word}_"


@given(st.lists(st.sampled_from(["a", "A", "a_2", "a__2", "in", "in_", "in_2", "a 2", "", "_", "b"]), max_size=40))
def test_names_are_handed_out_once_even_where_case_is_folded(texts: list[str]) -> None:
    fresh = Namer()
    names = [fresh(text) for text in texts]
    assert len({name.lower() for name in names}) == len(names)
    assert all(identifier(name) == name for name in names)
    again = Namer()
    assert [again(name) for name in names] == names, "names that are unique stay"


def test_what_separates_words_becomes_one_underscore() -> None:
    assert identifier("block/conv 1//x") == "block_conv_1_x"
    assert identifier("3x3") == "n3x3"
    assert identifier("") == identifier("__") == identifier("ü") == "n"
