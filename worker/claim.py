"""One database records one GitHub: workers of another are refused."""

from sqlalchemy import Connection

from common import installation
from common.errors import SetupError


class GitHubClaim:
    """The claim of one process on a database, for the GitHub of its settings.

    :param name: see ``common.github_server``
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_known = False
        """Whether the database is known to record it; then it always will."""

    def check(self, connection: Connection) -> None:
        """Refuse a database that records another GitHub.

        :raise SetupError: it does
        """
        if self._is_known:
            return
        recorded = installation.read(connection).github
        self._refuse_other(recorded)
        self._is_known = recorded is not None

    def hold(self, connection: Connection) -> None:
        """Make the database record this GitHub, in the transaction that writes something of it.

        :raise SetupError: it records another one
        """
        self.check(connection)
        if not self._is_known:
            self._refuse_other(installation.claim_github(connection, self._name))

    def _refuse_other(self, recorded: str | None) -> None:
        other = installation.describe_other(recorded, self._name)
        if other is not None:
            raise SetupError(
                f"{other}, whose ids mean others: use a database for each GitHub, or see"
                " docs/deployment.md if only its address has changed"
            )
