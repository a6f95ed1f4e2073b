"""The fuzzer's seeds: good answers, limits and refusals, in the form of each target."""

import json
from pathlib import Path

from tests.security.test_hostile_github import ACCOUNT, NODE, OWNER, RATE, REPOSITORY

LIMITS = "x-ratelimit-limit: 60\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1795435200"
DATE = "date: Mon, 23 Nov 2026 12:00:00 GMT"

ANSWERS: list[tuple[int, str, object]] = [
    (200, DATE, OWNER),
    (200, f'{DATE}\nlink: <http://api.github.com/x?page=2>; rel="next"', [REPOSITORY]),
    (200, LIMITS, REPOSITORY),
    (200, DATE, {"data": {"node": ACCOUNT, "nodes": [NODE], "rateLimit": RATE}}),
    (200, DATE, {"data": {"n": None}, "errors": [{"type": "NOT_FOUND", "path": ["nodes", 0]}]}),
    (301, "location: /repositories/7", {"message": "Moved Permanently"}),
    (403, f"{DATE}\n{LIMITS}\nretry-after: 60", {"message": "API rate limit exceeded"}),
    (429, "retry-after: Mon, 23 Nov 2026 12:01:30 GMT", {"message": "secondary rate limit"}),
    (451, DATE, {"message": "blocked", "block": {"reason": "dmca"}}),
]


def write(directory: Path, target: str) -> None:
    """Write each seed of a target to a file."""
    for number, (status, headers, content) in enumerate(ANSWERS):
        body = json.dumps(content)
        if target == "wire":
            lines = headers.replace("\n", "\r\n")
            text = f"HTTP/1.1 {status} X\r\n{lines}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        else:
            text = f"{status}\n{headers}\n\n{body}"
        directory.joinpath(f"{target}-{number}").write_text(text)
