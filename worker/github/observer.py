"""Observe one account by GraphQL: all pages, then what they did not show, by other ways."""

from dataclasses import dataclass, field

from common.repositories import SeenRepository
from worker.github.errors import Blocked, Gone, Limited, TryAgain
from worker.github.graphql import PAGE, GraphQL, Node, Page, with_id
from worker.github.observation import Account, Observation, Target
from worker.github.rest import Rest

_SMALLEST_PAGE = 5
_MOST_PAGES = 1000


@dataclass(slots=True)
class _Found:
    """What was found so far; handed over as it is when a limit comes."""

    account: Account | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    expected: int | None = None
    gone: list[int] = field(default_factory=list)
    shortfalls: list[str] = field(default_factory=list)
    wait: float | None = None

    def add(self, nodes: tuple[Node, ...]) -> None:
        for node in nodes:
            self.nodes[node.seen.node_id or ""] = node

    def note(self, shortfall: str) -> None:
        if shortfall not in self.shortfalls:
            self.shortfalls.append(shortfall)


class Observer:
    """Observes one account.

    :param with_watchers: False where GitHub refuses to tell watchers by GraphQL altogether
    """

    def __init__(
        self, graphql: GraphQL, rest: Rest, target: Target, *, with_watchers: bool
    ) -> None:
        self._graphql = graphql
        self._rest = rest
        self._target = target
        self._found = _Found()
        self._known = {known.id: known for known in target.known}
        self.with_watchers = with_watchers
        """Turned off when a whole page was refused for its watchers."""

    def observe(self, node_id: str) -> Observation:
        """Look at the account with this node id.

        :raise Gone: there is no such node, or it is another account's
        :raise Limited: before anything was seen
        """
        found = self._found
        try:
            self._list(node_id)
            self._identify()
            self._look_for_missing(node_id)
            self._count_by_rest()
        except Limited as limit:
            if found.account is None:
                raise
            found.wait = limit.wait
        seen = tuple(node.seen for node in found.nodes.values() if node.id is not None)
        return Observation(
            account=found.account,
            seen=seen,
            expected=found.expected,
            gone=tuple(found.gone),
            shortfalls=tuple(found.shortfalls),
            wait=found.wait,
        )

    def _list(self, node_id: str) -> None:
        """Read all pages: smaller where GitHub cannot manage, again where it ends too early."""
        found, cursor, has_asked_again = self._found, None, False
        first = PAGE
        for _ in range(_MOST_PAGES):
            try:
                page = self._page(node_id, first, cursor)
            except TryAgain as error:
                if not error.ask_for_less or first <= _SMALLEST_PAGE:
                    raise
                first = max(first // 2, _SMALLEST_PAGE)
                continue
            found.account = page.account or found.account
            if page.account is not None and page.account.id != self._target.user_id:
                found.account = None
                raise Gone("another account is where this one was")
            found.add(page.nodes)
            cursor = page.cursor or cursor
            if page.has_next:
                continue
            if len(found.nodes) < page.total and not page.unreadable and not has_asked_again:
                # A list that ends before its own count is a fault that GitHub has had; once more.
                has_asked_again = True
                continue
            found.expected = max(page.total, len(found.nodes))
            return
        raise TryAgain("a list of repositories without an end")

    def _page(self, node_id: str, first: int, after: str | None) -> Page:
        """Return a page; without watchers where those alone hide repositories."""
        page = self._graphql.page(
            node_id,
            first=first,
            after=after,
            with_watchers=self.with_watchers,
            is_load=self._target.is_load,
        )
        if not page.unreadable:
            return page
        for refusal in page.refusals:
            self._found.note(refusal)
        if not page.are_watchers_refused:
            return page
        if not page.nodes:
            self.with_watchers = False
        self._found.add(page.nodes)
        bare = self._graphql.page(
            node_id, first=first, after=after, with_watchers=False, is_load=self._target.is_load
        )
        # Those that came with watchers keep them; the others are counted one by one.
        return replace_nodes(bare, page.nodes)

    def _identify(self) -> None:
        """Find the ids of repositories whose id does not fit GraphQL's field."""
        found = self._found
        ids = {known.node_id: known.id for known in self._target.known if known.node_id}
        for node_id, node in list(found.nodes.items()):
            if node.id is not None:
                continue
            if node_id in ids:
                found.nodes[node_id] = with_id(node, ids[node_id])
                continue
            login = found.account.login if found.account else self._target.login
            try:
                looked = self._rest.find_repository(
                    login, node.seen.name, is_load=self._target.is_load
                )
            except (Gone, Blocked, TryAgain) as error:
                found.note(f"repository {node.seen.name}: {error}")
                continue
            if looked is not None and looked[0].node_id == node_id:
                found.nodes[node_id] = with_id(node, looked[0].id)
            else:
                found.note(f"repository {node.seen.name}: GitHub showed no id")

    def _look_for_missing(self, owner_node_id: str) -> None:
        """Look directly at known repositories that no page showed: gone, moved, or left out."""
        found = self._found
        shown = {node.id for node in found.nodes.values()}
        missing = [known for known in self._target.known if known.id not in shown]
        by_node_id = {known.node_id: known.id for known in missing if known.node_id}
        node_ids = list(by_node_id)
        for start in range(0, len(node_ids), PAGE):
            looked = self._graphql.look(
                node_ids[start : start + PAGE],
                with_watchers=self.with_watchers,
                is_load=self._target.is_load,
            )
            for node_id, node in looked.items():
                if node is None or node.owner_node_id != owner_node_id:
                    found.gone.append(by_node_id[node_id])
                else:
                    found.nodes[node_id] = with_id(node, by_node_id[node_id])

    def _count_by_rest(self) -> None:
        """Count by REST what GraphQL did not: watchers refused, or shown in no other way."""
        found = self._found
        shown = {node.id: node_id for node_id, node in found.nodes.items()}
        counted = {node.id for node in found.nodes.values() if node.seen.counts is not None}
        counted |= {known.id for known in self._target.known if known.is_recorded_today}
        todo = [node.id for node in found.nodes.values() if node.id and node.id not in counted]
        todo += [id_ for id_ in self._known if id_ not in shown and id_ not in found.gone]
        seen, gone, shortfalls, wait = self._rest.count(self._target, todo)
        for repository in seen:
            self._put(repository, shown.get(repository.id))
        found.gone.extend(gone)
        for shortfall in shortfalls:
            found.note(shortfall)
        found.wait = wait

    def _put(self, repository: SeenRepository, node_id: str | None) -> None:
        key = node_id or repository.node_id or str(repository.id)
        self._found.nodes[key] = Node(repository.id, "", repository)


def replace_nodes(page: Page, better: tuple[Node, ...]) -> Page:
    """Return the page with those nodes that another answer showed better."""
    by_node_id = {node.seen.node_id: node for node in better}
    return Page(
        account=page.account,
        total=page.total,
        nodes=tuple(by_node_id.get(node.seen.node_id, node) for node in page.nodes),
        unreadable=page.unreadable,
        refusals=page.refusals,
        are_watchers_refused=page.are_watchers_refused,
        has_next=page.has_next,
        cursor=page.cursor,
    )
