"""ETags: by them a client is told that what it has is still what it would get."""

from hashlib import blake2b
from typing import Annotated

import orjson
from fastapi import Header

from common.version import VERSION

IfNoneMatch = Annotated[
    str | None,
    Header(
        description="The `ETag` of the answer that is there already: 304 if it is this one.",
        examples=['"5f2c1f0e9f6b4d3a8c7e6d5b4a392817"'],
    ),
]


def tag_of(what: object) -> str:
    """Return the tag of an answer, without its quotes.

    :param what: all that the answer depends on; another version of ours may make another of it
    """
    return blake2b(orjson.dumps((VERSION, what)), digest_size=16).hexdigest()


def names(known: str | None, tag: str) -> bool:
    """Tell whether ``If-None-Match`` names a tag; proxies that compress make it a weak one."""
    return known is not None and (
        known.strip() == "*"
        or f'"{tag}"' in (each.strip().removeprefix("W/") for each in known.split(","))
    )
