"""``python -m tests.security.audit FILE...``: does a locked package have a known hole?

pip-audit asks OSV, and PyPI where OSV cannot be reached. Exit status 1 means a hole. A package that
nobody answered for is no failure, since a night without the network must not stop a change, and is
no pass either: it is said in one line.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

OSV = "https://api.osv.dev/v1/query"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a service said of the packages of some files.

    :param asked: how many packages it answered for
    :param unknown: how many it did not
    :param holes: a line for each hole
    """

    asked: int
    unknown: int
    holes: tuple[str, ...]


def ask(service: str, files: Sequence[str], *, osv_url: str = OSV) -> Finding | str:
    """Ask one service; where it cannot be asked at all, return what pip-audit said, in a line."""
    requirements = [word for file in files for word in ("--requirement", file)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
            # The files are locked and whole, so nothing has to be resolved.
            *("--disable-pip", "--require-hashes"),
            *("--vulnerability-service", service, "--osv-url", osv_url),
            *requirements,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return (done.stderr.strip().splitlines() or ["no answer"])[-1]
    asked = [package for package in packages if "skip_reason" not in package]
    holes = tuple(
        f"{package['name']} {package['version']}: {hole['id']},"
        f" mended in {', '.join(hole['fix_versions']) or 'no release yet'}"
        for package in asked
        for hole in package["vulns"]
    )
    return Finding(len(asked), len(packages) - len(asked), holes)


def is_unreachable(complaint: str) -> bool:
    """Tell a service that cannot be reached from files that cannot be read."""
    return any(
        word in complaint for word in ("requests.exceptions", "ServiceError", "your network may be")
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask for all files at once, and say what came out."""
    parser = argparse.ArgumentParser(prog="audit", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--osv-url", default=OSV, help="where OSV is")
    given = parser.parse_args(arguments)
    for service in ("osv", "pypi"):
        finding = ask(service, given.files, osv_url=given.osv_url)
        if isinstance(finding, str):
            if not is_unreachable(finding):
                print(f"audit: not possible: {finding}")
                return 1
            continue
        if finding.holes:
            print(*finding.holes, sep="\n")
            print(f"audit: {len(finding.holes)} known holes")
            return 1
        if finding.asked:
            unknown = f"; {finding.unknown} others it does not know" if finding.unknown else ""
            print(f"audit: {service} knows no hole in {finding.asked} packages{unknown}")
            return 0
    print("audit: passed over: neither OSV nor PyPI's list of holes can be reached from here")
    return 0


if __name__ == "__main__":
    sys.exit(main())
