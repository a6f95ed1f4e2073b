from pathlib import Path

import pytest

from local import external
from local.errors import LocalError
from local.external import check_postgres, check_redis
from local.ports import free_port
from local.postgres import EmbeddedPostgres
from local.valkey import EmbeddedValkey


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external, "PATIENCE", 0.0)


def test_check_of_postgres_names_the_fault_without_the_password(
    data_dir: Path,
) -> None:
    with EmbeddedPostgres(data_dir / "postgres") as postgres:
        check_postgres(postgres.url)
        password = postgres.url.split(":")[2].split("@")[0]

        with pytest.raises(LocalError, match="it refuses the user or the password") as caught:
            check_postgres(postgres.url.replace(password, "s3cret"))
        assert "s3cret" not in str(caught.value)
        with pytest.raises(LocalError, match="no such database"):
            check_postgres(postgres.url + "s")


def test_check_of_redis_names_the_fault_without_the_password(
    tmp_path: Path,
) -> None:
    with EmbeddedValkey(tmp_path / "valkey", durable=False) as valkey:
        check_redis(valkey.url)
        password = valkey.url.split(":")[2].split("@")[0]

        with pytest.raises(LocalError, match="it refuses the password") as caught:
            check_redis(valkey.url.replace(password, "s3cret"))
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "place", ["127.0.0.1:{port}/x", "127.0.0.1:port/x", "no.such.host.invalid/x", "a%zz@b@c/%/x"]
)
def test_unreachable_server_is_one_line_without_the_password(place: str) -> None:
    address = place.format(port=free_port())

    with pytest.raises(LocalError, match=r"^Postgres at DATABASE_URL does not answer") as caught:
        check_postgres(f"postgresql+psycopg2://user:s3cret@{address}")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(LocalError, match=r"^Redis at REDIS_URL does not answer") as caught:
        check_redis(f"redis://:s3cret@{address}")
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)
