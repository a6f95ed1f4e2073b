"""ETags, by which a client learns that the response it has is still current."""

from hashlib import blake2b
from typing import Annotated

import orjson
from fastapi import Header

from common.version import VERSION

IfNoneMatch = Annotated[
    str | None,
    Header(
        description="The `ETag` of a response that the client has; if it is current, the answer is"
        " 304 without a body.",
        examples=['"5f2c1f0e9f6b4d3a8c7e6d5b4a392817"'],
    ),
]


def make_etag(inputs: object, *, version: str = VERSION) -> str:
    """Return the ETag of a response, without its quotes.

    :param inputs: everything the response depends on, as JSON can write it
    :param version: of this software, since another version may make another response of the inputs
    """
    return blake2b(orjson.dumps((version, inputs)), digest_size=16).hexdigest()


def etag_matches(if_none_match: str | None, etag: str) -> bool:
    """Return whether ``If-None-Match`` contains an ETag.

    Weak ETags (``W/``) count: proxies that compress a response weaken its ETag.
    """
    return if_none_match is not None and (
        if_none_match.strip() == "*"
        or f'"{etag}"' in (each.strip().removeprefix("W/") for each in if_none_match.split(","))
    )
