"""GraphQL documents are valid in the simulator's schema, and in GitHub's own where it is here."""

import gzip
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from tests.servers import ROOT
from worker.github.graphql import FIND_ACCOUNT, look_document, repositories_document
from worker.github.releases import RELEASES

DOCUMENTS = {
    "find account": FIND_ACCOUNT,
    "repositories": repositories_document(),
    "repositories without watchers": repositories_document(with_watchers=False),
    "look": look_document(),
    "releases": RELEASES,
    "look without watchers": look_document(with_watchers=False),
}
SIMULATED = ROOT / "simulator" / "schema.graphql"
GITHUBS = ROOT.parent / "shared" / "github" / "schema.graphql.gz"


@pytest.fixture(scope="module", params=[SIMULATED, GITHUBS], ids=["simulated", "real"])
def schema(request: pytest.FixtureRequest) -> GraphQLSchema:
    path: Path = request.param
    if not path.exists():
        pytest.skip("there is no ../shared/github/schema.graphql.gz beside this repository")
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    # GitHub's own schema defines two fields twice.
    return build_schema(text, assume_valid=True, assume_valid_sdl=True)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_valid(schema: GraphQLSchema, name: str) -> None:
    assert validate(schema, parse(DOCUMENTS[name])) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_asks_for_lists_that_are_closed(name: str) -> None:
    assert "stargazers " not in DOCUMENTS[name]
    assert "stargazers{" not in DOCUMENTS[name]


@pytest.mark.parametrize("name", ["repositories", "repositories without watchers"])
def test_lists_are_of_public_repositories_of_the_account_alone(name: str) -> None:
    assert "ownerAffiliations: [OWNER]" in DOCUMENTS[name]
    assert "privacy: PUBLIC" in DOCUMENTS[name]
