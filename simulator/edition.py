"""What differs between github.com and an Enterprise Server: addresses, versions, limits.

An Enterprise Server has its REST API at ``/api/v3`` and its GraphQL API at ``/api/graphql``, and
404 everywhere else. By default it limits no requests: no rate headers, ``rateLimit`` is null, and
``/rate_limit`` is a 404 (hygieia/hygieia#2371, actions/stale#1227). A release knows the versions of
the REST API of its time and refuses others; before 3.9 the header means nothing. The count and the
history of stars, which are of 2026, are not there.
"""

from dataclasses import dataclass

from simulator.limits import Resource
from simulator.messages import Answer
from simulator.rest import not_found

_ONLY_GITHUB_COM = ("/stargazers/count", "/stargazers/history")


@dataclass(frozen=True)
class Edition:
    """How one kind of GitHub is reached, and what it offers.

    :param versions: of the REST API; empty if the header means nothing
    :param release: of an Enterprise Server, which names it in each answer; None for github.com
    :param is_private: it answers 401 to all who are not authenticated
    """

    rest_path: str = ""
    graphql_path: str = "/graphql"
    versions: tuple[str, ...] = ("2022-11-28", "2026-03-10")
    release: str | None = None
    is_private: bool = False

    @property
    def is_enterprise_server(self) -> bool:
        """Whether it runs at a company."""
        return self.release is not None

    def find(self, path: str) -> tuple[Resource, str] | None:
        """Return which API a path belongs to, and the path in that API; None if to none."""
        if path == self.graphql_path:
            return Resource.GRAPHQL, "/graphql"
        if path == f"{self.rest_path}/graphql":
            return None
        if path.startswith(f"{self.rest_path}/"):
            return Resource.CORE, path.removeprefix(self.rest_path)
        return None

    def missing(self, path: str) -> Answer | None:
        """Return the answer for a path of the REST API that is not there; None if it is."""
        if not self.is_enterprise_server:
            return None
        if path == "/rate_limit":
            return Answer.error(404, "Rate limiting is not enabled.")
        return not_found() if path.endswith(_ONLY_GITHUB_COM) else None

    def refusal(self, version: str | None) -> Answer | None:
        """Return the answer to a version of the REST API that is not there; None if it is.

        The text is GitHub's (expipiplus1/update-nix-fetchgit#79).
        """
        if version is None or not self.versions or version in self.versions:
            return None
        newest, *others = (f'"{each}"' for each in reversed(self.versions))
        known = ", ".join((f"{newest} (most recent)", *others))
        return Answer.error(
            400,
            f'The version you specified in the "X-GitHub-API-Version" request header, "{version}",'
            f" is not a supported version. The following versions are currently supported:"
            f" {known}.",
        )


def page_not_found() -> Answer:
    """Return the answer outside of both APIs: a page."""
    page = b"<!DOCTYPE html>\n<title>Page not found</title>\n"
    return Answer(404, page, content_type="text/html; charset=utf-8")


GITHUB_COM = Edition()


def enterprise_server(
    release: str = "3.17.2",
    versions: tuple[str, ...] = ("2022-11-28",),
    *,
    is_private: bool = False,
) -> Edition:
    """Return an Enterprise Server of a release.

    :param versions: of the REST API; empty for a release before 3.9
    :param is_private: it answers 401 to all who are not authenticated
    """
    return Edition("/api/v3", "/api/graphql", versions, release, is_private)
