#!/usr/bin/env -S python3 -I
"""Health check of a container: ``http_ok.py PORT PATH`` fails unless a GET answers 200.

The slim image has no curl, and http.client, unlike urllib, never goes through a proxy. The answer's
body is printed, so that ``docker inspect`` shows which part is missing.
"""

import http.client
import sys


def main() -> None:
    """Ask once."""
    port, path = sys.argv[1:]
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=4)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(2000).decode(errors="replace").strip()
    except OSError as error:
        sys.exit(f"no answer on port {port}: {error}")
    sys.stdout.write(f"{answer.status} {body}\n")
    if answer.status != 200:
        sys.exit(1)


if __name__ == "__main__":
    main()
