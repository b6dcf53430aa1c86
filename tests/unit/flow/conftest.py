"""Designs that several tests read; those that change one make a copy."""

from __future__ import annotations

from typing import Any

import pytest
from tests.keras_models import tiny

import bitwright as bw
from bitwright.flow.design import Design


@pytest.fixture(scope="session")
def model() -> Any:
    return tiny()


@pytest.fixture
def design(model: Any) -> Design:
    return bw.compile(model, clock_mhz=400.0)
