"""The reader of each format."""

from common.imports import ImportFormat
from worker.imports import plain
from worker.imports.rows import Reader

READERS: dict[ImportFormat, Reader] = {
    ImportFormat.CSV: plain.read,
}
