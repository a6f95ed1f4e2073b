"""Commands of the documentation, so that a page and its test cannot drift."""

import re

from tests.servers import ROOT


def commands(page: str, heading: str) -> list[str]:
    """Return the lines of the shell blocks below a heading of a page, in their order."""
    text = (ROOT / page).read_text()
    sections = re.split(r"^## ", text, flags=re.MULTILINE)
    (section,) = [part for part in sections if part.startswith(f"{heading}\n")]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]
