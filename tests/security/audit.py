"""``python -m tests.security.audit FILE...``: check locked packages for known vulnerabilities.

pip-audit asks OSV, and PyPI if OSV cannot be reached. Exit status 1 means a vulnerability. If
neither can be reached, one line says so and the exit status is 0: a missing network must not stop a
change.
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
    """The answer of a service about the packages of some files.

    :param asked: how many packages it knows
    :param unknown: how many it does not know
    :param vulnerabilities: a line for each vulnerability
    """

    asked: int
    unknown: int
    vulnerabilities: tuple[str, ...]


def ask(service: str, files: Sequence[str], *, osv_url: str = OSV) -> Finding | str:
    """Ask one service; return the last line of pip-audit's output if it cannot be asked."""
    requirements = [word for file in files for word in ("--requirement", file)]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"),
            # The files are complete locks, so nothing has to be resolved.
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
    vulnerabilities = tuple(
        f"{package['name']} {package['version']}: {each['id']},"
        f" fixed in {', '.join(each['fix_versions']) or 'no release yet'}"
        for package in asked
        for each in package["vulns"]
    )
    return Finding(len(asked), len(packages) - len(asked), vulnerabilities)


def is_unreachable(complaint: str) -> bool:
    """Return whether the service could not be reached, rather than the files not read."""
    return any(
        word in complaint for word in ("requests.exceptions", "ServiceError", "your network may be")
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Check all files at once, and print the result."""
    parser = argparse.ArgumentParser(prog="audit", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--osv-url", default=OSV, help="the address of OSV")
    given = parser.parse_args(arguments)
    for service in ("osv", "pypi"):
        finding = ask(service, given.files, osv_url=given.osv_url)
        if isinstance(finding, str):
            if not is_unreachable(finding):
                print(f"audit: not possible: {finding}")
                return 1
            continue
        if finding.vulnerabilities:
            print(*finding.vulnerabilities, sep="\n")
            print(f"audit: {len(finding.vulnerabilities)} known vulnerabilities")
            return 1
        if finding.asked:
            unknown = f"; {finding.unknown} others it does not know" if finding.unknown else ""
            print(f"audit: {service} knows no vulnerability in {finding.asked} packages{unknown}")
            return 0
    print("audit: skipped: neither OSV nor PyPI can be reached")
    return 0


if __name__ == "__main__":
    sys.exit(main())
