"""Responses that several calls describe in ``/docs``."""

from api.http.describe import Responses, invalid, invalid_minimum, problem

ROWS_HEADERS = {
    "ETag": "Changes whenever any row in the response changes.",
    "Cache-Control": "`no-cache`: a stored response must be revalidated with its `ETag`.",
    "Vary": "The response depends on `Accept` and `Accept-Encoding`.",
}
IMAGE_HEADERS = {
    "ETag": "Changes whenever the image changes.",
    "Cache-Control": "Five minutes, also for proxies.",
}
NO_KEY = problem(
    401,
    "`API_KEY` is set, and the key is missing or wrong.",
    "this call needs the API key: Authorization: Bearer <key>, or X-API-Key: <key>",
    headers={"WWW-Authenticate": "`Bearer`"},
) | problem(
    403,
    "`API_KEY` is not set, and a browser sent this for a page of another site.",
    "Cross-site request blocked.",
)
NO_USER = problem(404, "No user with this id is followed.", "user not found")
NO_REPOSITORY = problem(
    404, "No followed user has or had a repository with this id.", "repository not found"
)
INVALID_USER_ID = invalid_minimum("path", "user_id", "0", 1)
INVALID_REPOSITORY_ID = invalid_minimum("path", "repo_id", "0", 1)
INVALID_DATES = invalid(
    "query",
    "date_from",
    "2026-11-02",
    "date_from 2026-11-02 is after date_to 2026-11-01",
    error="value_error",
)


def invalid_metric(name: str) -> Responses:
    """Describe the response to an unknown metric, among other invalid input."""
    message = "Input should be 'stargazers', 'forks' or 'watchers'"
    return invalid("query", name, "stars", message, error="enum")
