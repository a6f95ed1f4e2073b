"""GitHub's global node ids, in the legacy form and the current one."""

import base64
import binascii
import re
from enum import StrEnum


class NodeType(StrEnum):
    """The types of nodes; the value is the name of the GraphQL type."""

    USER = "User"
    ORGANIZATION = "Organization"
    REPOSITORY = "Repository"


PREFIXES = {NodeType.USER: "U", NodeType.ORGANIZATION: "O", NodeType.REPOSITORY: "R"}
TYPES = {prefix: kind for kind, prefix in PREFIXES.items()}
NEWEST_LEGACY_ID = {
    # About where the ids were when GitHub changed the format; which ids changed is not documented.
    NodeType.USER: 92_000_000,
    NodeType.ORGANIZATION: 92_000_000,
    NodeType.REPOSITORY: 410_000_000,
}
LEGACY = re.compile(r"0(\d+):([A-Za-z]+?)(\d+)")


def encode(kind: NodeType, number: int, force_new: bool) -> str:
    """Return an object's node id: legacy if it is old, unless the new form is requested."""
    if force_new or number > NEWEST_LEGACY_ID[kind]:
        return new_id(kind, number)
    return legacy_id(kind, number)


def new_id(kind: NodeType, number: int) -> str:
    """Return the current form: a prefix and the MessagePack of [0, id]."""
    packed = b"\x92\x00" + _pack(number)
    return f"{PREFIXES[kind]}_{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def legacy_id(kind: NodeType, number: int) -> str:
    """Return the form of old objects."""
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()


def decode(node_id: str) -> tuple[NodeType, int] | None:
    """Return the type and number of a node id in either form; None for anything else."""
    prefix, underscore, rest = node_id.partition("_")
    try:
        if underscore and prefix in TYPES:
            packed = base64.urlsafe_b64decode(rest + "=" * (-len(rest) % 4))
            number = _unpack(packed)
            return None if number is None else (TYPES[prefix], number)
        match = LEGACY.fullmatch(base64.b64decode(node_id, validate=True).decode())
    except (binascii.Error, ValueError):
        return None
    if match is None or int(match[1]) != len(match[2]) or match[2] not in set(NodeType):
        return None
    return NodeType(match[2]), int(match[3])


def _pack(number: int) -> bytes:
    if number < 0x80:
        return bytes([number])
    for code, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4)):
        if number < 1 << (8 * size):
            return bytes([code]) + number.to_bytes(size)
    return b"\xcf" + number.to_bytes(8)


def _unpack(packed: bytes) -> int | None:
    if packed[:2] != b"\x92\x00" or len(packed) < 3:
        return None
    number = packed[2] if len(packed) == 3 else int.from_bytes(packed[3:])
    return number if _pack(number) == packed[2:] else None
