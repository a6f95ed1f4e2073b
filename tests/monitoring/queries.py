"""The queries of the dashboard and of the alerts, parsed as far as names and labels."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.servers import ROOT

FOLDER = ROOT / "monitoring"
CONFIGURATION = FOLDER / "prometheus" / "prometheus.yml"
ALERTS = FOLDER / "prometheus" / "alerts.yml"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "repopulse.json"

_FUNCTIONS = {
    *(
        "abs",
        "absent",
        "delta",
        "histogram_quantile",
        "increase",
        "max_over_time",
        "min",
        "rate",
        "sum",
    ),
}
_WORDS = {"and", "or", "unless", "offset"}
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_NAME = re.compile(r"(?<![\w.])([a-zA-Z_:][\w:]*)(\s*\()?(\{[^}]*\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
_MENTION = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


@dataclass(frozen=True)
class Selector:
    """A metric that a query names, with its matchers: name, operator, value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Query:
    """One expression, and the labels that its text mentions."""

    where: str
    expression: str
    mentions: frozenset[str] = frozenset()

    @property
    def runnable(self) -> str:
        """The expression with a number where Grafana puts one."""
        return self.expression.replace("$__rate_interval", "10s")

    @property
    def grouped_by(self) -> set[str]:
        """The labels by which results are kept apart."""
        found = _GROUPING.findall(self.expression)
        return {label.strip() for labels in found for label in labels.split(",") if label.strip()}

    @property
    def selectors(self) -> list[Selector]:
        """The metrics that it names.

        :raise ValueError: for a function that is not listed here
        """
        without_ranges = re.sub(r"\[[^\]]*\]", "", self.expression)
        return list(_selectors(_GROUPING.sub("", without_ranges)))


def _selectors(expression: str) -> Iterator[Selector]:
    for name, bracket, matchers in _NAME.findall(expression):
        if name in _WORDS:
            continue
        if bracket:
            if name not in _FUNCTIONS:
                raise ValueError(f"not known: {name}()")
            continue
        yield Selector(name, tuple(_MATCHER.findall(matchers)))


def of_alerts() -> list[Query]:
    """Return the expression of each alert."""
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    return [
        Query(
            rule["alert"],
            rule["expr"],
            frozenset(_MENTION.findall(" ".join(rule["annotations"].values()))),
        )
        for rule in group["rules"]
    ]


def of_dashboard() -> list[Query]:
    """Return the queries of each panel."""
    return [
        Query(panel["title"], target["expr"], frozenset(_MENTION.findall(target["legendFormat"])))
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    ]


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana reads it."""
    read: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return read


def provisioned(kind: str) -> dict[str, Any]:
    """Return the one thing of a kind that Grafana is given at its start."""
    (path,) = (FOLDER / "grafana" / "provisioning" / kind).glob("*.yml")
    content = yaml.safe_load(Path(path).read_text())
    (only,) = content["datasources" if kind == "datasources" else "providers"]
    found: dict[str, Any] = only
    return found
