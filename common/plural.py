"""How counts are written with their nouns, on pages, in reasons and in logs."""


def plural(count: int, one: str, many: str | None = None) -> str:
    """Format a count with its noun: "1 user", "2 users"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def count_of_repositories(count: int) -> str:
    """Format a count of repositories."""
    return plural(count, "repository", "repositories")
