"""How the bytes of a large answer are sent: gzipped to whoever asks for that."""

import gzip
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request

from api.quality import qualities


class Coding(StrEnum):
    """What is done to the bytes of an answer, by its name in headers."""

    IDENTITY = "identity"
    GZIP = "gzip"

    def coded(self, body: bytes) -> bytes:
        """Return the bytes that are sent; the same ones each time."""
        if self is Coding.IDENTITY:
            return body
        # The quickest level: a twelfth of the size, in a sixth of the time of the usual one, which
        # makes it a fifteenth.
        return gzip.compress(body, compresslevel=1, mtime=0)

    @property
    def headers(self) -> dict[str, str]:
        """What tells the client."""
        return {} if self is Coding.IDENTITY else {"Content-Encoding": self.value}


async def _wanted(request: Request) -> Coding:
    liked = qualities(",".join(request.headers.getlist("accept-encoding")))
    gzipped = liked.get("gzip", liked.get("*", 0.0))
    is_wanted = gzipped > 0 and gzipped >= liked.get("identity", 0.0)
    return Coding.GZIP if is_wanted else Coding.IDENTITY


WantedCoding = Annotated[Coding, Depends(_wanted)]
