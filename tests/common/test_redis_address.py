"""What an address of Redis says."""

import ssl

import pytest

from common.redis_address import (
    check_url,
    passwords,
    read_sentinels,
    read_tls,
    without_tls_options,
)
from common.redis_client import connect, own_key

TWO = "sentinel://:p%40ss@one:26380;sentinel://:p%40ss@two/2?master_name=stars"


def test_address_of_one_server_has_no_sentinels() -> None:
    assert read_sentinels("redis://:secret@host:6379/0") is None


def test_address_of_sentinels_is_read_as_celery_writes_it() -> None:
    found = read_sentinels(TWO)

    assert found is not None
    assert found.hosts == (("one", 26380), ("two", 26379))
    assert (found.master_name, found.database) == ("stars", 2)
    assert (found.username, found.password) == (None, "p@ss")
    assert found.broker_url == "sentinel://:p%40ss@one:26380/2;sentinel://:p%40ss@two:26379/2"
    assert "p@ss" not in repr(found)


def test_name_of_the_master_is_that_of_redis_own_example_by_default() -> None:
    found = read_sentinels("sentinel://user:pw@one;sentinel://[::1]:5?sentinel_password=own")

    assert found is not None
    assert found.hosts == (("one", 26379), ("::1", 5))
    assert (found.master_name, found.database) == ("mymaster", 0)
    assert (found.username, found.own_username, found.own_password) == ("user", None, "own")
    assert found.broker_url == "sentinel://user:pw@one:26379/0;sentinel://user:pw@[::1]:5/0"


def test_client_of_sentinels_asks_them_and_knows_the_master() -> None:
    with connect(TWO, "team-a:") as client:
        assert client.sentinels is not None
        options = client.get_connection_kwargs()
        assert (options["db"], options["password"]) == (2, "p@ss")
        assert own_key(client, "scan") == "team-a:scan"


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://one:26379,two:26379/0",
        "sentinel://one;redis://two",
        "sentinel://one;two",
        "sentinel://one;",
        "sentinel://one/stars",
        "sentinel://one?master=mymaster",
        "sentinel://one?ssl=yes",
        "sentinel://one:s3cret",
        "sentinel://one?ssl_cert_reqs=optional",
        "redis-cluster://one",
        "redis://:s3cret;more@one/0",
    ],
)
def test_address_that_cannot_be_used_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        check_url(url)
    assert "s3cret" not in str(refused.value)


def test_sentinels_with_tls_check_certificates() -> None:
    url = "sentinel://one/0?ssl=true&ssl_ca_certs=/ca.pem"

    assert read_tls(url) == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_ca_certs": "/ca.pem",
        "ssl_exclude_verify_flags": [ssl.VERIFY_X509_STRICT],
    }
    assert read_tls("sentinel://one/0") is None


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("redis://:se;cret@host/0", {"se;cret"}),
        ("postgresql://user:secret@one,two/name", {"secret"}),
        ("postgresql://user:user@one/name", set()),
        ("sentinel://:a@one;sentinel://:b@two/0?sentinel_password=c%40", {"a", "b", "c@"}),
    ],
)
def test_every_password_of_an_address_is_found(url: str, found: set[str]) -> None:
    assert passwords(url) >= found


def test_celery_gets_the_options_of_tls_apart_from_the_address() -> None:
    url = (
        "rediss://:a%3Fb@host/0?ssl_ca_certs=/ca.pem&ssl_check_hostname=False"
        "&client_name=x&ssl_certfile=/own.pem"
    )

    assert without_tls_options(url) == "rediss://:a%3Fb@host/0?client_name=x"
    assert without_tls_options("redis://host/0") == "redis://host/0"
    assert read_tls(url) == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_ca_certs": "/ca.pem",
        "ssl_certfile": "/own.pem",
        "ssl_check_hostname": False,
        "ssl_exclude_verify_flags": [ssl.VERIFY_X509_STRICT],
    }
