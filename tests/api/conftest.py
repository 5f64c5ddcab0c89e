"""A house of fakes and a client at its door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from tests.api.fakes import House, house


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path)
    yield made
    made.tokens.close()


@pytest.fixture
def client(home: House) -> Iterator[TestClient]:
    with TestClient(create_app(home.deps)) as made:
        yield made
