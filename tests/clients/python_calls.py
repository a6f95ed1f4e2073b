"""Call a running API with the client that openapi-python-client made; print what it answered.

Run by ``test_clients``: python_calls.py ADDRESS KEY.
"""

import json
import sys
import time
from datetime import date
from typing import Any

from repopulse_client import AuthenticatedClient
from repopulse_client.api.history import find_repository, show_scans, show_stats
from repopulse_client.api.users import delete_user, follow_user, list_users
from repopulse_client.models import AccountToFollow, LoginToFollow


def shown(answer: Any) -> list[object]:
    """Return the status, and what the client made of the body, as JSON again."""
    parsed = answer.parsed
    body = [each.to_dict() for each in parsed] if isinstance(parsed, list) else parsed.to_dict()
    return [answer.status_code, body]


def main(address: str, key: str) -> None:
    client = AuthenticatedClient(base_url=address, token=key)

    def follow(body: AccountToFollow | LoginToFollow) -> Any:
        return follow_user.sync_detailed(client=client, body=body)

    answers = {}
    by_login = follow(LoginToFollow(login="octocat"))
    answers["follow by login"] = shown(by_login)
    answers["follow by id"] = shown(follow(AccountToFollow(id=5, login="-old", name="Old One")))
    answers["follow again"] = shown(follow(AccountToFollow(id=5, login="-old")))
    answers["follow an invalid login"] = shown(follow(LoginToFollow(login="../orgs/x")))
    answers["list"] = shown(list_users.sync_detailed(client=client))
    answers["list a page"] = shown(list_users.sync_detailed(client=client, limit=1, after=5))
    answers["find a user"] = shown(list_users.sync_detailed(client=client, login="-OLD"))

    user_id = by_login.parsed.id
    deadline = time.monotonic() + 60
    while True:
        scans = show_scans.sync(client=client, user_id=user_id)
        if scans and scans[0].finished_at is not None:
            break
        assert time.monotonic() < deadline, scans
        time.sleep(0.1)
    answers["find a repository"] = [
        each.id for each in find_repository.sync(client=client, full_name="octocat/hello")
    ]
    answers["stats"] = shown(
        show_stats.sync_detailed(client=client, user_id=user_id, date_from=date(2022, 1, 1))
    )
    for each in (user_id, 5):
        answers[f"delete {each}"] = shown(delete_user.sync_detailed(client=client, user_id=each))
    answers["delete again"] = shown(delete_user.sync_detailed(client=client, user_id=5))
    print(json.dumps(answers))


main(*sys.argv[1:])
