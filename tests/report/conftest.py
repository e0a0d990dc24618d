"""What the tests of a deployed party's report share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.consortium.consortium import Consortium
from tests.report import deployments


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    four = deployments.finished(tmp_path_factory.mktemp("deployed"))
    yield four
    four.close()
