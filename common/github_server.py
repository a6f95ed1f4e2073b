"""Which GitHub it is: its addresses, by the address of its REST API.

::

    GITHUB_API_URL                   GraphQL                      pages               name
    -------------------------------  ---------------------------  ------------------  -----------
    https://api.github.com           …/graphql                    https://github.com  github.com
    https://api.<name>.ghe.com       …/graphql                    <name>.ghe.com      <name>.ghe.com
    https://<host>/api/v3            https://<host>/api/graphql   https://<host>      <host>
    any other, such as a simulator   …/graphql                    not known           its host

The third is an Enterprise Server (docs.github.com/enterprise-server/graphql: "Forming calls").
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

GITHUB_COM = "github.com"

_SERVER_PATH = "/api/v3"


@dataclass(frozen=True, slots=True)
class GitHubServer:
    """One GitHub: github.com, a company's on ghe.com, an Enterprise Server, or a simulator.

    :param name: its host, by which the database remembers it
    :param rest: address of the REST API, without a slash at its end
    :param graphql: address of the GraphQL API
    :param pages: address of the pages of accounts and repositories; None if it is not known
    :param is_enterprise_server: it runs at a company, in a release of its own
    """

    name: str
    rest: str
    graphql: str
    pages: str | None
    is_enterprise_server: bool = False


def read_server(api_url: str) -> GitHubServer:
    """Return the GitHub that has a REST API at this address, a value of ``GITHUB_API_URL``."""
    rest = api_url.rstrip("/")
    parts = urlsplit(rest)
    host = (parts.hostname or "").removesuffix(".")
    if rest.endswith(_SERVER_PATH):
        root = rest.removesuffix(_SERVER_PATH)
        return GitHubServer(host, rest, f"{root}/api/graphql", root, is_enterprise_server=True)
    graphql = f"{rest}/graphql"
    if host == f"api.{GITHUB_COM}" or (host.startswith("api.") and host.endswith(".ghe.com")):
        name = host.removeprefix("api.")
        return GitHubServer(name, rest, graphql, f"https://{name}")
    return GitHubServer(host, rest, graphql, None)


def check_not_pages(api_url: str) -> None:
    """Refuse the address of GitHub's pages where that of its API is needed.

    :raise ValueError: the message names the address of the API
    """
    host = (urlsplit(api_url).hostname or "").removeprefix("www.").removesuffix(".")
    if host == GITHUB_COM or (host.endswith(".ghe.com") and not host.startswith("api.")):
        raise ValueError(f"is the address of GitHub's pages: the API is at https://api.{host}")
