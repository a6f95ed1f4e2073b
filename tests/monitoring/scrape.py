"""The metrics of a process, as Prometheus reads them."""

from dataclasses import dataclass, field

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Scrape:
    """The samples of one moment, by name and labels."""

    text: str
    families: list[Metric]
    samples: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for family in self.families:
            for sample in family.samples:
                labels = frozenset(sample.labels.items())
                self.samples.setdefault(sample.name, {})[labels] = sample.value

    def value(self, name: str, **labels: str) -> float:
        """Return one sample; 0 where there is none."""
        return self.samples.get(name, {}).get(frozenset(labels.items()), 0.0)


def scrape(port: int) -> Scrape:
    """Scrape a process of this machine.

    :raise httpx.HTTPError: it does not answer, or with another status than 200
    """
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).raise_for_status()
    return Scrape(answer.text, list(text_string_to_metric_families(answer.text)))
