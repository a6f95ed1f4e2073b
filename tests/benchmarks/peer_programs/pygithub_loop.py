"""What people write with PyGithub: a loop over the repositories of some accounts.

``python pygithub_loop.py ADDRESS TOKEN FIELD LOGIN …`` prints for each repository its id, stars,
forks, and the field that is taken for its watchers.
"""

import json
import sys

from github import Auth, Github


def main(address: str, token: str, field: str, *logins: str) -> None:
    """Print a line of JSON for each repository."""
    github = Github(auth=Auth.Token(token), base_url=address)
    for login in logins:
        for repository in github.get_user(login).get_repos():
            watchers = getattr(repository, field)
            counts = [repository.stargazers_count, repository.forks_count, watchers]
            print(json.dumps([repository.id, *counts]))


if __name__ == "__main__":
    main(*sys.argv[1:])
