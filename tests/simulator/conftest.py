"""The simulated Exchange in this process, asked by one of its people; every answer held against the schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from mailkeep.simulator.exchange.organisation import Organisation
from tests.simulator.exchange_world import Asker, house
from tests.simulator.items_world import Bob


@pytest.fixture(scope="session")
def schema(corpus: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(corpus / "ews-xsd-ready" / "messages.xsd"))


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    with house() as made:
        yield made


@pytest.fixture
def bob(organisation: Organisation, schema: etree.XMLSchema) -> Bob:
    return Bob(Asker(organisation, schema))
