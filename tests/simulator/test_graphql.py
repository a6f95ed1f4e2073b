import httpx
import pytest

from simulator import Account, CostModel, GitHubSimulator, LargeIds, Limits, World
from simulator.node_ids import NodeType, decode, legacy_id, new_id
from tests.simulator.clients import REPOSITORIES, ask, client_of

FORCE = {"X-Github-Next-Global-ID": "1"}


def test_every_repository_comes_once_over_all_pages(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    for number in range(7):
        world.add_repository(octocat, f"r{number}", stargazers=number, watchers=2 * number)

    nodes, after = [], None
    while True:
        owner = ask(client, REPOSITORIES, login="octocat", first=3, after=after)["data"][
            "repositoryOwner"
        ]
        nodes += owner["repositories"]["nodes"]
        assert owner["repositories"]["totalCount"] == 7
        if not owner["repositories"]["pageInfo"]["hasNextPage"]:
            break
        after = owner["repositories"]["pageInfo"]["endCursor"]

    read = {
        n["databaseId"]: (n["stargazerCount"], n["forkCount"], n["watchers"]["totalCount"])
        for n in nodes
    }
    assert len(nodes) == 7
    assert read == {number: row[1:] for number, row in world.truth().items()}


def test_a_missing_user_leaves_the_other_aliases_filled(
    client: httpx.Client, octocat: Account
) -> None:
    content = ask(client, '{ u1: user(login: "octocat") { login } u2: user(login: "x") { login } }')

    assert content["data"] == {"u1": {"login": "octocat"}, "u2": None}
    [error] = content["errors"]
    assert (error["type"], error["path"]) == ("NOT_FOUND", ["u2"])
    assert error["message"] == "Could not resolve to a User with the login of 'x'"


def test_an_organisation_is_an_owner_and_not_a_user(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    world.convert_to_organization(octocat)

    content = ask(
        client,
        '{ user(login: "octocat") { id } repositoryOwner(login: "octocat") { __typename'
        " ... on Organization { databaseId name } } }",
    )

    assert content["data"]["user"] is None
    assert content["data"]["repositoryOwner"] == {
        "__typename": "Organization",
        "databaseId": 583231,
        "name": "The Octocat",
    }


def test_an_unknown_owner_is_null_without_an_error(client: httpx.Client) -> None:
    assert ask(client, '{ repositoryOwner(login: "nobody") { id } }') == {
        "data": {"repositoryOwner": None}
    }


def test_node_ids_resolve_in_both_formats(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    old, new = legacy_id(NodeType.USER, 583231), new_id(NodeType.USER, 583231)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on User { login } } }"

    content = ask(client, query, ids=[old, new, "D_abcdefgh"])

    assert old == "MDQ6VXNlcjU4MzIzMQ=="
    assert new_id(NodeType.USER, 3407303) == "U_kgDOADP9xw"
    assert [n and n["login"] for n in content["data"]["nodes"]] == ["octocat", "octocat", None]
    assert content["errors"][0]["path"] == ["nodes", 2]
    assert content["errors"][0]["message"] == (
        "Could not resolve to a node with the global id of 'D_abcdefgh'"
    )
    assert {n["id"] for n in content["data"]["nodes"] if n} == {old}
    forced = client.post("/graphql", json={"query": "{ viewer { id } }"}, headers=FORCE).json()
    assert forced["data"]["viewer"]["id"] == new


@pytest.mark.parametrize("number", [0, 127, 128, 255, 256, 65_535, 65_536, 2**31, 2**32, 2**40])
def test_every_node_id_decodes_to_its_number(number: int) -> None:
    for kind in NodeType:
        assert decode(new_id(kind, number)) == (kind, number)
        assert decode(legacy_id(kind, number)) == (kind, number)


@pytest.mark.parametrize("text", ["", "x", "U_", "U_!!!", "R_kgDO", "MDQ6VXNlcg==", "é", "Z_kgAB"])
def test_an_invalid_node_id_decodes_to_nothing(text: str) -> None:
    assert decode(text) is None


def test_without_privacy_the_viewers_private_repositories_leak(
    simulator: GitHubSimulator, world: World, octocat: Account
) -> None:
    world.add_repository(octocat, "open")
    world.add_repository(octocat, "secret", private=True)
    query = '{ user(login: "octocat") { repositories(first: 9 %s) { nodes { name } } } }'

    seen = {}
    for token, arguments in (("good", ""), ("good", "privacy: PUBLIC"), ("other", "")):
        with client_of(simulator, token) as client:
            content = ask(client, query % arguments)
        seen[token, arguments] = [
            n["name"] for n in content["data"]["user"]["repositories"]["nodes"]
        ]

    assert seen == {
        ("good", ""): ["open", "secret"],
        ("good", "privacy: PUBLIC"): ["open"],
        ("other", ""): ["open"],
    }


def test_without_affiliations_repositories_of_others_appear(
    client: httpx.Client, world: World, octocat: Account
) -> None:
    world.add_repository(octocat, "own")
    world.add_collaborator(world.add_repository(world.add_account("hubot"), "foreign"), octocat)
    query = '{ user(login: "octocat") { repositories(first: 9 %s) { nodes { name } } } }'

    def names(arguments: str) -> list[str]:
        connection = ask(client, query % arguments)["data"]["user"]["repositories"]
        return [node["name"] for node in connection["nodes"]]

    assert names("") == ["own", "foreign"]
    assert names("ownerAffiliations: [OWNER]") == ["own"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ("(first: 101)", "EXCESSIVE_PAGINATION"),
        ("", "MISSING_PAGINATION_BOUNDARIES"),
        ('(first: 1, after: "nonsense")', "INVALID_CURSOR_ARGUMENTS"),
        ("(first: 1, privacy: PUBLIC, visibility: PUBLIC)", "UNPROCESSABLE"),
    ],
)
def test_a_bad_page_is_a_typed_error(client: httpx.Client, arguments: str, kind: str) -> None:
    query = f"{{ viewer {{ repositories{arguments} {{ nodes {{ id }} }} }} }}"

    assert [error["type"] for error in ask(client, query)["errors"]] == [kind]


def test_an_invalid_query_has_errors_and_no_data(client: httpx.Client) -> None:
    for query in ("{ viewer { nonsense } }", "{ viewer "):
        content = ask(client, query)
        assert "data" not in content
        assert content["errors"]


def test_more_than_a_hundred_node_ids_are_refused(client: httpx.Client) -> None:
    content = ask(client, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101)

    assert content["errors"][0]["message"] == (
        "You may not provide more than 100 node ids; you provided 101."
    )


def test_the_stargazers_of_others_are_closed_but_their_number_is_not(
    client: httpx.Client, world: World
) -> None:
    world.add_repository(world.add_account("hubot"), "hello", stargazers=3)
    query = '{ repository(owner: "hubot", name: "hello") { stargazerCount %s } }'

    assert ask(client, query % "")["data"]["repository"] == {"stargazerCount": 3}
    closed = ask(client, query % "stargazers { totalCount }")
    assert closed["data"] == {"repository": None}
    assert closed["errors"][0]["type"] == "FORBIDDEN"


def _aliases(owners: int, first: int) -> str:
    fields = " ".join(
        f'u{n}: user(login: "u{n}") {{ repositories(first: {first})'
        f" {{ nodes {{ watchers {{ totalCount }} }} }} }}"
        for n in range(owners)
    )
    return f"{{ {fields} rateLimit {{ cost nodeCount }} }}"


@pytest.mark.parametrize(
    ("owners", "first", "upper", "lower", "nodes"),
    [
        (1, 100, 1, 1, 100),
        (10, 50, 5, 1, 500),
        (10, 100, 10, 1, 1_000),
        (20, 30, 6, 1, 600),
        (50, 10, 6, 1, 500),
    ],
)
def test_the_price_follows_the_documented_formula(
    world: World, *, owners: int, first: int, upper: int, lower: int, nodes: int
) -> None:
    for model, cost in ((CostModel.UPPER, upper), (CostModel.LOWER, lower)):
        simulator = GitHubSimulator(world, limits=Limits(cost_model=model))
        with client_of(simulator) as client:
            rate = ask(client, _aliases(owners, first))["data"]["rateLimit"]
        assert rate == {"cost": cost, "nodeCount": nodes}
        assert simulator.requests[-1].cost == cost


def test_the_documentations_own_example_costs_51_points(client: httpx.Client) -> None:
    query = """{ rateLimit { cost } viewer { repositories(first: 100) { nodes {
        watchers(first: 50) { nodes { repositories(first: 60) { totalCount } } } } } } }"""

    assert ask(client, query)["data"]["rateLimit"] == {"cost": 51}


def test_a_dry_run_prices_without_executing(
    client: httpx.Client, simulator: GitHubSimulator
) -> None:
    query = '{ rateLimit(dryRun: true) { cost } user(login: "nobody") { id } }'

    assert ask(client, query) == {"data": {"rateLimit": {"cost": 1}}}
    assert simulator.requests[-1].cost == 0


def test_more_nodes_than_the_limit_are_refused(client: httpx.Client) -> None:
    query = _aliases(1, 100).replace(
        "watchers { totalCount }",
        "watchers(first: 100) { nodes { repositories(first: 100) { totalCount } } }",
    )

    assert ask(client, query)["errors"][0]["type"] == "MAX_NODE_LIMIT_EXCEEDED"


def test_an_id_beyond_32_bits_is_null_with_an_error_unless_numbers_are_chosen(
    world: World, octocat: Account
) -> None:
    world.add_repository(octocat, "late", id=2**31)
    query = '{ repository(owner: "octocat", name: "late") { databaseId name } }'

    for large_ids, expected in ((LargeIds.NULL, None), (LargeIds.NUMBER, 2**31)):
        with client_of(GitHubSimulator(world, large_ids=large_ids)) as client:
            content = ask(client, query)
        assert content["data"]["repository"] == {"databaseId": expected, "name": "late"}
        assert ("errors" in content) == (expected is None)


def test_there_is_no_graphql_without_a_token(simulator: GitHubSimulator) -> None:
    with client_of(simulator, None) as client:
        assert client.post("/graphql", json={"query": "{ viewer { id } }"}).status_code == 401
