"""The reader of each format."""

from common.imports import ImportFormat
from worker.imports import ghstats, github_repo_stats, plain, repopulse, star_history
from worker.imports.rows import Reader

READERS: dict[ImportFormat, Reader] = {
    ImportFormat.CSV: plain.read,
    ImportFormat.REPOPULSE: repopulse.read,
    ImportFormat.GITHUB_REPO_STATS: github_repo_stats.read,
    ImportFormat.GHSTATS: ghstats.read,
    ImportFormat.STAR_HISTORY: star_history.read,
    ImportFormat.DAILY_STARS_EXPLORER: star_history.read,
}
