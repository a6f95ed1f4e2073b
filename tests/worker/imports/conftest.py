import pytest
from sqlalchemy import Engine

from common.settings import Settings
from tests.clock import Clock
from tests.worker.imports.desk import TODAY, Desk


@pytest.fixture
def desk(engine: Engine, settings: Settings, clock: Clock) -> Desk:
    """Two users with two repositories each, and what imports files."""
    clock.set(TODAY)
    return Desk(engine, settings)
