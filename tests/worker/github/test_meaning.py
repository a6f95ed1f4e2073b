"""Each row of the table in ``worker/github/meaning.py``, as the simulator plays it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simulator import Fault, FaultKind
from tests.worker.github.lab import Lab
from worker.github.errors import GitHubError, PolicyRefusal
from worker.github.graphql import FIND_ACCOUNT
from worker.github.meaning import Answer, Meaning, read_graphql, read_rest
from worker.github.quota import read_quota

PRIMARY, SECONDARY = FaultKind.PRIMARY_LIMIT, FaultKind.SECONDARY_LIMIT
LIMITED, AGAIN = Meaning.LIMITED, Meaning.TRY_AGAIN
DATE = "Mon, 23 Nov 2026 12:00:00 GMT"
NOON = 1_795_435_200


def ask_rest(lab: Lab) -> Answer:
    return lab.transport().get("/users/octocat")


def ask_graphql(lab: Lab) -> Answer:
    return lab.transport().query(FIND_ACCOUNT, {"login": "octocat"})


@pytest.mark.parametrize("ask", [ask_rest, ask_graphql])
def test_a_good_answer_is_data(lab: Lab, ask: Callable[[Lab], Answer]) -> None:
    lab.add("octocat")

    answer = ask(lab)

    assert answer.meaning is Meaning.DATA
    assert answer.quota is not None
    assert answer.quota.remaining == 4999


@pytest.mark.parametrize(
    ("fault", "meaning", "wait"),
    [
        (Fault(PRIMARY, seconds=600), LIMITED, 601),
        (Fault(PRIMARY, seconds=600, status=429), LIMITED, 601),
        (Fault(PRIMARY, seconds=600, remaining=17), LIMITED, 601),
        (
            Fault(
                PRIMARY,
                text="API rate limit already exceeded for user ID 1.",
                seconds=9,
                remaining=17,
            ),
            LIMITED,
            10,
        ),
        (Fault(SECONDARY, retry_after=42), LIMITED, 42),
        (Fault(SECONDARY), LIMITED, 60),
        (Fault(SECONDARY, status=429), LIMITED, 60),
        (Fault(SECONDARY, status=200), LIMITED, 60),
        (Fault(SECONDARY, text="2026"), LIMITED, 60),
        (Fault(SECONDARY, text="content"), LIMITED, 60),
        (Fault(SECONDARY, text="abuse"), LIMITED, 60),
        (Fault(SECONDARY, headers=False), LIMITED, 60),
        (Fault(SECONDARY, remaining=0, seconds=300), LIMITED, 301),
        (Fault(SECONDARY, remaining=4290), LIMITED, 60),
        (Fault(FaultKind.SERVER_ERROR), AGAIN, None),
        (Fault(FaultKind.SERVER_ERROR, status=504), AGAIN, None),
        (Fault(FaultKind.HTML_PAGE), AGAIN, None),
        (Fault(FaultKind.API_VERSION, status=400), Meaning.QUERY_WRONG, None),
        (Fault(FaultKind.API_VERSION, status=410), Meaning.QUERY_WRONG, None),
        (Fault(FaultKind.ANSWER, status=422, text='{"message": "no"}'), Meaning.QUERY_WRONG, None),
    ],
)
@pytest.mark.parametrize("ask", [ask_rest, ask_graphql])
def test_a_bad_answer_means_one_thing(
    lab: Lab, ask: Callable[[Lab], Answer], fault: Fault, meaning: Meaning, wait: float | None
) -> None:
    lab.add("octocat")
    lab.simulator.fail(fault)

    answer = ask(lab)

    assert answer.meaning is meaning
    assert answer.data is None
    if wait is not None:
        assert answer.wait == pytest.approx(wait, abs=1)


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(PRIMARY, type="RATE_LIMIT", seconds=600), LIMITED),
        (Fault(PRIMARY, type="RATE_LIMITED", text="no more", remaining=17, seconds=600), LIMITED),
        (Fault(FaultKind.SERVER_ERROR, status=200), AGAIN),
        (Fault(FaultKind.TIMED_OUT), AGAIN),
        (Fault(FaultKind.RESOURCE_LIMITS), AGAIN),
        (Fault(FaultKind.NOT_FOUND), Meaning.GONE),
        (Fault(FaultKind.SAML), Meaning.BLOCKED),
    ],
)
def test_graphql_says_it_with_200(lab: Lab, fault: Fault, meaning: Meaning) -> None:
    lab.add("octocat")
    lab.simulator.fail(fault)

    answer = ask_graphql(lab)

    assert answer.meaning is meaning
    if fault.kind is PRIMARY:
        assert answer.wait == pytest.approx(601, abs=1)
    assert answer.ask_for_less == (meaning is AGAIN)


@pytest.mark.parametrize(
    ("status", "headers", "body", "meaning"),
    [
        (304, {}, "", Meaning.UNCHANGED),
        (301, {"location": "/repositories/1"}, "{}", Meaning.MOVED),
        (307, {"location": "/repositories/1"}, "{}", Meaning.MOVED),
        (301, {}, "{}", AGAIN),
        (404, {}, '{"message": "Not Found"}', Meaning.GONE),
        (451, {}, '{"message": "…", "block": {"reason": "dmca"}}', Meaning.BLOCKED),
        (403, {}, '{"message": "…", "block": {"reason": "tos"}}', Meaning.BLOCKED),
        (403, {"x-github-sso": "required"}, '{"message": "…"}', Meaning.BLOCKED),
        (403, {}, '{"message": "Resource not accessible"}', Meaning.BLOCKED),
        (403, {"retry-after": "9"}, '{"message": "no"}', LIMITED),
        (403, {}, "<html>", AGAIN),
        (429, {}, "<html>", LIMITED),
        (408, {}, "", AGAIN),
        (401, {}, '{"message": "Bad credentials"}', Meaning.CREDENTIALS_REFUSED),
        (200, {}, "<html>", AGAIN),
        (200, {}, '{"id": 1, "na', AGAIN),
        (200, {}, "7", AGAIN),
        (204, {}, "", AGAIN),
        (500, {}, '{"message": "Server Error"}', AGAIN),
    ],
)
def test_a_rest_answer_is_read_by_status_headers_and_body(
    status: int, headers: dict[str, str], body: str, meaning: Meaning
) -> None:
    assert read_rest(status, headers, body.encode()).meaning is meaning


@pytest.mark.parametrize(
    ("status", "content", "meaning"),
    [
        (200, {"errors": [{"message": "Field 'x' doesn't exist"}]}, Meaning.QUERY_WRONG),
        (200, {"data": {"node": None}, "errors": [{"message": "Internal"}]}, AGAIN),
        (200, {"data": None}, AGAIN),
        (200, {"data": None, "errors": [{"message": "Bad credentials"}]}, "credentials refused"),
        (200, {"data": {"a": {}}, "errors": [{"message": "x", "path": ["b"]}]}, Meaning.PARTIAL),
        (401, {"message": "Bad credentials"}, "credentials refused"),
        (200, {"data": {"n": None}, "errors": [{"type": "FORBIDDEN"}]}, Meaning.BLOCKED),
        (200, {"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": "x"}]}, AGAIN),
        (403, {"errors": [{"type": "RATE_LIMITED", "message": "x"}]}, LIMITED),
        (200, {"errors": [{"type": "RATE_LIMIT", "message": "x"}]}, LIMITED),
        (200, {"errors": [{"code": "graphql_rate_limit", "message": "x"}]}, LIMITED),
        (200, {"errors": [{"message": "Something went wrong while executing your query."}]}, AGAIN),
        (502, {"errors": [{"message": "odd"}]}, AGAIN),
    ],
)
def test_a_graphql_answer_is_read_by_its_errors(
    status: int, content: dict[str, Any], meaning: str
) -> None:
    assert read_graphql(status, {}, json.dumps(content).encode()).meaning == meaning


POLICIES = [
    "… the `octo-org` organization has an IP allow list enabled, and your IP address is not …",
    "Resource protected by organization SAML enforcement. You must grant your OAuth token access.",
    "`octo-org` forbids access via a personal access token (classic). Please use a GitHub App.",
    "`octo-org` forbids access via a personal access token with fine-grained permissions.",
    "The 'Octo' enterprise forbids access via a fine-grained personal access tokens if …",
    "the `octo-org` organization has enabled OAuth App access restrictions, meaning that …",
]


@pytest.mark.parametrize("text", POLICIES)
def test_a_policy_of_the_owner_is_told_from_other_refusals(text: str) -> None:
    spent = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"}
    fault = {"type": "FORBIDDEN", "message": text, "path": ["node"]}
    graphql = {"data": {"node": None}, "errors": [fault]}
    for answer in (
        read_rest(403, {}, json.dumps({"message": text}).encode()),
        # The text decides, not what is left.
        read_rest(403, spent, json.dumps({"message": text}).encode()),
        read_graphql(200, {}, json.dumps(graphql).encode()),
    ):
        assert (answer.meaning, answer.is_policy) == (Meaning.BLOCKED, True)
        with pytest.raises(PolicyRefusal):
            answer.usable()


def test_single_sign_on_is_a_policy_whatever_its_text() -> None:
    rest = read_rest(403, {"x-github-sso": "required; url=…"}, b'{"message": "no"}')
    fault = {"type": "FORBIDDEN", "message": "no", "extensions": {"saml_failure": True}}
    graphql = {"data": {"node": None}, "errors": [fault]}

    assert rest.is_policy
    assert read_graphql(200, {}, json.dumps(graphql).encode()).is_policy


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (403, {}, '{"message": "Repository access blocked", "block": {"reason": "tos"}}'),
        (451, {}, '{"message": "Repository access blocked", "block": {"reason": "dmca"}}'),
        (403, {}, "Request forbidden by administrative rules. Please send a User-Agent."),
        (403, {}, '{"message": "Resource not accessible by personal access token"}'),
        (403, {}, '{"message": "You do not have permission to view the stargazers"}'),
        (403, {}, '{"message": "You have exceeded a secondary rate limit."}'),
        (403, {}, '{"message": "API rate limit exceeded for user ID 1."}'),
        (403, {"retry-after": "9"}, json.dumps({"message": POLICIES[0]})),
        (404, {}, '{"message": "Not Found"}'),
        (401, {}, '{"message": "Bad credentials"}'),
    ],
)
def test_other_refusals_are_no_policy(status: int, headers: dict[str, str], body: str) -> None:
    assert not read_rest(status, headers, body.encode()).is_policy


def test_single_sign_on_is_named_as_the_reason() -> None:
    answer = read_rest(
        403, {"x-github-sso": "required; url=…"}, b'{"message": "Resource protected"}'
    )

    assert answer.reason == "the owner requires single sign-on"


def test_an_hour_that_is_used_up_concerns_one_resource_and_a_secondary_limit_both() -> None:
    headers = {
        "date": DATE,
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(NOON + 100),
    }

    primary = read_rest(403, headers, b'{"message": "API rate limit exceeded for 1.2.3.4."}')
    secondary = read_rest(403, headers, b'{"message": "You have exceeded a secondary rate limit"}')

    assert (primary.of_resource, primary.wait) == (True, 101)
    assert (secondary.of_resource, secondary.wait) == (False, 101)


def test_a_date_may_say_how_long_to_wait() -> None:
    headers = {"date": DATE, "retry-after": "Mon, 23 Nov 2026 12:01:30 GMT"}

    assert read_rest(429, headers, b"").wait == 90


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "nonsense"),
        ("remaining", "-1"),
        ("remaining", "6000"),
        ("reset", "nan"),
        ("reset", ""),
    ],
)
def test_absurd_rate_headers_teach_nothing(name: str, value: str) -> None:
    headers = {"limit": "5000", "remaining": "4999", "reset": str(NOON + 60), name: value}

    assert read_quota({f"x-ratelimit-{key}": text for key, text in headers.items()}) is None


def test_the_time_until_the_reset_goes_by_githubs_clock() -> None:
    headers = {
        "date": DATE,
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4999",
        "x-ratelimit-reset": str(NOON + 60),
    }

    quota = read_quota(headers)

    assert quota is not None
    assert quota.resets_in == 60


def test_where_header_and_body_differ_the_lower_number_holds(lab: Lab) -> None:
    lab.add("octocat")
    lab.simulator.fail("last_point")

    answer = ask_graphql(lab)

    assert answer.data["rateLimit"]["remaining"] == 4999
    assert answer.quota is not None
    assert answer.quota.remaining == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["data", "errors", "message", "type", "path", "block", "rateLimit", "limit", "code",
             "remaining", "resetAt", "node", "nodes"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(
        ["date", "retry-after", "link", "location", "x-ratelimit-limit", "x-ratelimit-remaining",
         "x-ratelimit-reset", "x-ratelimit-resource", "x-github-sso"]
    ),
    st.sampled_from(["", "0", "1", "-5", "nan", "inf", "1e400", "9" * 5000, DATE, "<x>; rel=next"]),
)  # fmt: skip


@given(
    status=st.integers(200, 599),
    headers=HEADERS,
    body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20),
)
@example(429, {"retry-after": "nan"}, b"")
@example(429, {"retry-after": "1e400"}, b"")
@example(200, {}, b'{"data": {}, "errors": [{"type": ["odd"], "path": 7, "message": {}}]}')
@example(200, {}, b'{"data": {}, "errors": ["odd"]}')
@example(200, {}, b"[" * 100_000)
def test_no_answer_whatsoever_breaks_the_reader(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    for read in (read_rest, read_graphql):
        answer = read(status, headers, body)
        try:
            answer.usable()
        except GitHubError as error:
            assert str(error) == answer.reason  # noqa: PT017 - most answers raise, some do not
        if answer.wait is not None:
            assert 0 < answer.wait <= 86400
