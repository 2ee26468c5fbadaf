from collections.abc import Iterator

import pytest

from sandboxes.common import running
from sandboxes.esign import SANDBOX
from tests.connectors.esign.esign_client import Site


@pytest.fixture(scope="module")
def opened() -> Iterator[Site]:
    with running(SANDBOX()) as served:
        site = Site(served)
        yield site
        site.http.close()


@pytest.fixture
def site(opened: Site) -> Site:
    opened.control("reset")
    return opened
