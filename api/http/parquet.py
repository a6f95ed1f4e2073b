"""A Parquet file that is sent while it is made, where pyarrow is installed."""

from collections.abc import Generator, Iterable, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import Any

from api.http.sink import Sink

_PORTIONS_PER_GROUP = 20
"""The end of the file has a list of the groups, which has to fit into memory too."""


def is_available() -> bool:
    """Return whether pyarrow is installed, which is an option: it takes 170 MB."""
    return find_spec("pyarrow") is not None


def parquet_pieces(
    columns: dict[str, str], portions: Iterable[Sequence[tuple[Any, ...]]]
) -> Generator[bytes, None, None]:
    """Yield a Parquet file.

    :param columns: the type of each column in pyarrow's words, such as ``int64``
    :param portions: of rows, each a value for each column
    """
    # Not before it is needed: it takes a third of a second and some 60 MB.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetWriter  # noqa: PLC0415

    schema = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in columns.items()])

    def table(rows: Sequence[tuple[Any, ...]]) -> Any:
        by_column = zip(*rows, strict=True)
        arrays = [
            pa.array(values, type=field.type)
            for values, field in zip(by_column, schema, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=schema)

    sink = Sink()
    # Each portion becomes Arrow's at once, which takes a tenth of the memory of Python's objects.
    tables = map(table, portions)
    with ParquetWriter(sink, schema, compression="zstd") as writer:
        while group := list(islice(tables, _PORTIONS_PER_GROUP)):
            writer.write_table(pa.concat_tables(group))
            yield sink.take()
    yield sink.take()
