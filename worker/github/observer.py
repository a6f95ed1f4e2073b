"""Observe one account by GraphQL: all pages, then in other ways what they did not show."""

from dataclasses import dataclass, field, replace

from common.repositories import SeenRepository
from worker.github.errors import (
    Blocked,
    CredentialsRefused,
    Gone,
    Limited,
    QueryWrong,
    TryAgain,
)
from worker.github.graphql import PAGE, GraphQL, Node, Page, with_id
from worker.github.meaning import shortfall
from worker.github.observation import Account, Observation, Shortfall, Target
from worker.github.rest import Rest
from worker.github.watchers import WatcherAccess

_MIN_PAGE = 5
_SLACK = 10
"""Repositories requested beyond the known ones: some may be new."""
_MAX_PAGES = 1000
_SILENT = Shortfall("GitHub shows nothing of some repositories")
_MIN_REFUSALS = 2
"""Repositories of a page whose watchers are all refused, before watchers count as unavailable."""


@dataclass(slots=True)
class _Found:
    """What was found so far; returned as it is if GitHub stops answering."""

    account: Account | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    unreadable: int = 0
    hidden: int = 0
    expected: int | None = None
    gone: list[int] = field(default_factory=list)
    shortfalls: list[Shortfall] = field(default_factory=list)
    wait: float | None = None

    def add(self, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            self.nodes[node.seen.node_id or ""] = node

    def note(self, noted: Shortfall) -> None:
        if noted not in self.shortfalls:
            self.shortfalls.append(noted)


class Observer:
    """Observes one account, once."""

    def __init__(
        self, graphql: GraphQL, rest: Rest, watchers: WatcherAccess, target: Target
    ) -> None:
        self._graphql = graphql
        self._rest = rest
        self._watchers = watchers
        self._target = target
        self._found = _Found()
        self._with_watchers = watchers.graphql_watchers_available()

    def observe(self, node_id: str) -> Observation:
        """Read the account with this node id.

        If GitHub stops answering, what it has shown so far is returned.

        :raise Gone: there is no such node, or it is another account's
        :raise GitHubError: GitHub showed nothing of the account
        """
        found = self._found
        try:
            self._list(node_id)
            self._identify()
            self._look_for_missing()
            self._count_by_rest()
        except (Limited, CredentialsRefused) as pause:
            if found.account is None:
                raise
            found.note(shortfall(pause))
            found.wait = pause.wait
        except (Gone, Blocked, TryAgain, QueryWrong) as error:
            if found.account is None:
                raise
            found.note(shortfall(error))
        gone = set(found.gone)
        nodes = [node for node in found.nodes.values() if node.id is not None]
        seen = tuple(node.seen for node in nodes if node.id not in gone)
        if found.expected is not None:
            # Some changed owners after they were listed and before they were read.
            found.expected = max(0, found.expected - (len(nodes) - len(seen)))
        return Observation(
            account=found.account,
            seen=seen,
            expected=found.expected,
            gone=tuple(found.gone),
            shortfalls=tuple(found.shortfalls),
            wait=found.wait,
        )

    def _list(self, node_id: str) -> None:
        """Read all pages: smaller ones if GitHub fails, again if the list ends too early."""
        found, cursor, is_second_try = self._found, None, False
        most, expected = PAGE, len(self._target.known) or PAGE
        for _ in range(_MAX_PAGES):
            first = min(most, max(expected, 0) + _SLACK)
            try:
                page = self._page(node_id, first, cursor)
            except TryAgain as error:
                if not error.ask_for_less or first <= _MIN_PAGE:
                    raise
                most = max(first // 2, _MIN_PAGE)
                continue
            if page.account is None:
                raise TryAgain("GitHub showed an account without login")
            found.account = page.account
            found.add(page.nodes)
            found.unreadable += page.unreadable
            found.hidden += page.hidden
            total = page.total - found.hidden
            is_further = page.cursor is not None and page.cursor != cursor
            cursor = page.cursor or cursor
            missing = total - len(found.nodes) - found.unreadable
            expected = missing
            if page.has_next and is_further:
                continue
            if missing > 0 and not is_second_try:
                # GitHub has returned lists that end before their own count: once more.
                is_second_try = True
                continue
            if missing > 0:
                found.note(
                    Shortfall(f"GitHub counts {total} repositories and lists {missing} fewer")
                )
            else:
                found.expected = max(total, len(found.nodes))
            return
        raise TryAgain("endless list of repositories")

    def _page(self, node_id: str, first: int, after: str | None) -> Page:
        """Return a page, without watchers if they alone hide repositories."""
        page = self._fetch_page(node_id, first, after)
        if not page.unreadable:
            return page
        if not self._with_watchers or not page.without_watchers:
            self._note_refusals(page)
            return page
        if page.without_watchers >= _MIN_REFUSALS and not page.nodes:
            self._with_watchers = False
            self._watchers.mark_unavailable("; ".join(each.reason for each in page.refusals))
        self._found.add(page.nodes)
        bare = self._fetch_page(node_id, first, after, is_bare=True)
        self._note_refusals(bare)
        # Repositories that came with watchers keep them; the others are counted one by one.
        better = {node.seen.node_id: node for node in page.nodes}
        return replace(
            bare, nodes=tuple(better.get(node.seen.node_id, node) for node in bare.nodes)
        )

    def _note_refusals(self, page: Page) -> None:
        if page.unreadable:
            for refusal in page.refusals or (_SILENT,):
                self._found.note(refusal)

    def _fetch_page(
        self, node_id: str, first: int, after: str | None, *, is_bare: bool = False
    ) -> Page:
        return self._graphql.page(
            node_id,
            owner_id=self._target.user_id,
            first=first,
            after=after,
            with_watchers=self._with_watchers and not is_bare,
            is_load=self._target.is_load,
        )

    def _identify(self) -> None:
        """Find the ids of repositories whose id exceeds GraphQL's field."""
        found = self._found
        ids = {known.node_id: known.id for known in self._target.known if known.node_id}
        login = found.account.login if found.account else self._target.login
        for node_id, node in list(found.nodes.items()):
            if node.id is not None:
                continue
            if node_id in ids:
                found.nodes[node_id] = with_id(node, ids[node_id])
                continue
            try:
                looked = self._rest.find_repository(
                    login, node.seen.name, is_load=self._target.is_load
                )
            except (Gone, Blocked, TryAgain, QueryWrong) as error:
                found.note(shortfall(error, of=f"repository {node.seen.name}"))
                continue
            if looked is not None and looked[0].node_id == node_id:
                found.nodes[node_id] = with_id(node, looked[0].id)
            else:
                found.note(Shortfall(f"repository {node.seen.name}: GitHub showed no id"))

    def _look_for_missing(self) -> None:
        """Look at known repositories that no page showed: gone, moved, or left out."""
        found = self._found
        shown = {node.id for node in found.nodes.values()}
        missing = {
            known.node_id: known.id
            for known in self._target.known
            if known.node_id and known.id not in shown
        }
        node_ids = list(missing)
        for start in range(0, len(node_ids), PAGE):
            try:
                looked = self._graphql.look(
                    node_ids[start : start + PAGE],
                    with_watchers=self._with_watchers,
                    is_load=self._target.is_load,
                )
            except (Gone, Blocked, TryAgain, QueryWrong):
                # The next step looks at them one by one.
                return
            for node_id, node in looked.items():
                if node is None or not self._is_own(node):
                    found.gone.append(missing[node_id])
                else:
                    found.nodes[node_id] = with_id(node, missing[node_id])

    def _is_own(self, node: Node) -> bool:
        account = self._found.account
        return account is not None and node.owner_node_id == account.node_id

    def _count_by_rest(self) -> None:
        """Count by REST what GraphQL did not count."""
        found = self._found
        shown = {node.id: node_id for node_id, node in found.nodes.items() if node.id is not None}
        counted = {node.id for node in found.nodes.values() if node.seen.counts is not None}
        counted |= {known.id for known in self._target.known if known.is_recorded_today}
        todo = [id_ for id_ in shown if id_ not in counted]
        unseen = [known.id for known in self._target.known if known.id not in shown]
        todo += [id_ for id_ in unseen if id_ not in found.gone]
        counts = self._rest.count(self._target, todo, listed=shown)
        for repository in counts.seen:
            self._put(repository, shown.get(repository.id))
        found.gone.extend(counts.gone)
        for each in counts.shortfalls:
            found.note(each)
        found.wait = counts.wait

    def _put(self, repository: SeenRepository, node_id: str | None) -> None:
        key = node_id or repository.node_id or str(repository.id)
        self._found.nodes[key] = Node(repository.id, "", repository)
