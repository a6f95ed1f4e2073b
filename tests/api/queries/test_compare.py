"""What is compared is found by the same names as everywhere."""

import pytest
from sqlalchemy import Connection

from api.queries import compare, names
from common import clock
from common import names as stored_names
from tests import factories


@pytest.mark.parametrize(
    "full_name", ["octocat/tool", "OCTOCAT/Tool", "octocat/old-tool", "octocat/none", "eve/tool"]
)
def test_names_lead_to_what_they_lead_to_alone(connection: Connection, full_name: str) -> None:
    today = clock.today(connection)
    for login in ("octocat", "eve", "eve"):
        user = factories.add_user(connection, login=login)
        repository = factories.add_repository(connection, user, name="tool")
        before = factories.make_repository(repository.id, "old-tool")
        for seen in (before, repository):
            stored_names.save(connection, user.id, today, login, [seen])

    found = compare.find(connection, [full_name], [])

    alone = names.find_repository(connection, *full_name.split("/"))
    assert [each.id for each in found.subjects] == ([] if alone is None else [alone.id])
    assert list(found.subjects.values()) + found.missing == [full_name]
