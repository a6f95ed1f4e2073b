"""What a visitor is told whose form was taken for one of another site."""

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import MakeClient
from tests.api.pages.html import BROWSER, parse

URL = "https://example.org/repopulse"


def send(client: TestClient, **headers: str) -> tuple[int, str]:
    """Send a form; return the status, and the first paragraph of the page."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.post(
        "/follow", data={"login": "adam"}, headers=BROWSER | sent, follow_redirects=False
    )
    if answer.status_code == 303:
        return 303, ""
    return answer.status_code, parse(answer.text).all("p", class_="lead")[0].text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_that_the_browser_knows_to_be_anothers_is_blocked(
    client: TestClient, site: str
) -> None:
    told = send(client, Origin="http://testserver", Sec_Fetch_Site=site)

    assert told == (403, "Cross-site request blocked.")


@pytest.mark.parametrize("more", [{}, {"Sec_Fetch_Site": "same-origin"}])
def test_a_proxy_that_does_not_pass_host_is_named_as_the_likely_cause(
    client: TestClient, more: dict[str, str]
) -> None:
    told = send(client, Origin="https://example.org", Host="127.0.0.1:5001", **more)

    assert told[0] == 403
    assert told[1] == (
        "Cross-site request blocked. The form is from https://example.org, and Host is"
        " 127.0.0.1:5001. If the form is from this site, the proxy in front of it does not pass"
        " Host: set PUBLIC_URL, or make the proxy pass it (nginx: proxy_set_header Host"
        " $http_host)."
    )


def test_a_proxy_that_drops_the_port_is_told_apart(client: TestClient) -> None:
    _, told = send(client, Origin="https://example.org:8443", Host="example.org")

    assert "The form is from https://example.org:8443, and Host is example.org." in told


def test_a_proxy_that_sets_a_referrer_policy_is_named(client: TestClient) -> None:
    status, told = send(client, Origin="null", Sec_Fetch_Site="same-origin")

    assert status == 403
    assert "sets its own Referrer-Policy" in told


@pytest.mark.parametrize("host", ["127.0.0.1:5001", "example.org", "example.org:443"])
def test_with_the_public_url_no_host_is_needed(make_client: MakeClient, host: str) -> None:
    client = make_client(public_url=URL)

    assert send(client, Origin="https://example.org", Host=host) == (303, "")


def test_with_the_public_url_the_api_can_also_be_used_where_it_listens(
    make_client: MakeClient,
) -> None:
    client = make_client(public_url=URL)

    assert send(client, Origin="http://testserver") == (303, "")


@pytest.mark.parametrize(
    "origin", ["http://example.org", "https://example.org:8443", "https://evil.example"]
)
def test_a_form_from_elsewhere_names_the_public_url(make_client: MakeClient, origin: str) -> None:
    status, told = send(make_client(public_url=URL), Origin=origin)

    assert status == 403
    assert told.endswith(
        f"The form is from {origin}, and Host is testserver. If the form is from this site,"
        f" PUBLIC_URL is wrong: it is {URL}."
    )


def test_what_was_sent_is_shortened_and_escaped(client: TestClient) -> None:
    _, told = send(client, Origin="https://<b>" + "x" * 500)

    assert "The form is from https://<b>xxx" in told
    assert len(told) < 500
