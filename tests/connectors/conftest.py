"""What the tests of one vendor share: its sandbox; of a signing service also a desk and a receiver."""

from collections.abc import AsyncIterator, Iterator

import pytest

from sandboxes.common import Running, running
from sandboxes.run import load
from tests.connectors.signing_desk import Desk, Receiver, open_desk

pytest.register_assert_rewrite("tests.connectors.signing_cases")


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest) -> Iterator[Running]:
    """The sandbox that is named like the folder of the test."""
    with running(load(request.path.parent.name)()) as served:
        yield served


@pytest.fixture
async def desk(request: pytest.FixtureRequest, served: Running) -> AsyncIterator[Desk]:
    """Of the module's CONNECTOR, with its QUICK settings if it has any."""
    quick = getattr(request.module, "QUICK", {})
    async with open_desk(request.module.CONNECTOR, served, **quick) as desk:
        await desk.control("reset", {})
        yield desk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
