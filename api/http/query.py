"""The query of a request: what a call does not understand is refused, not ignored.

A misspelt ``?date_frm=`` would otherwise return other rows than the client asked for, without a
word.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import get_args, get_origin

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute


async def _check_names(request: Request) -> None:
    """Refuse parameters that the call does not have, and those that are sent twice.

    :raise RequestValidationError: with one error for each of them
    """
    sent = Counter(name for name, _ in request.query_params.multi_items())
    if not sent:
        return
    route: APIRoute = request.scope["route"]
    parameters = dict(_parameters(route.dependant))
    known = sorted(parameters)
    lists = {name for name, is_list in parameters.items() if is_list}
    wrong = [
        {"type": kind, "loc": ("query", name), "msg": message}
        for name, times in sent.items()
        for kind, message in [_fault(name, times, known, lists)]
        if kind
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _fault(name: str, times: int, known: Sequence[str], lists: Collection[str]) -> tuple[str, str]:
    """Return the type and the message of a parameter's error; empty if it has none.

    :param lists: the parameters that may be sent more than once
    """
    if name in known:
        is_repeated = times > 1 and name not in lists
        return ("repeated", "send this parameter once") if is_repeated else ("", "")
    if nearest := get_close_matches(name, known, n=1):
        return "unknown_parameter", f"unknown parameter: did you mean {nearest[0]}?"
    listed = f"the parameters of this call are {', '.join(known)}" if known else "it takes none"
    return "unknown_parameter", f"unknown parameter: {listed}"


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Yield the names of the query parameters of a call, and whether each is a list."""
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        kinds = [get_origin(each) for each in (annotation, *get_args(annotation))]
        yield parameter.alias, list in kinds
    for dependency in dependant.dependencies:
        yield from _parameters(dependency)


KnownQuery = Depends(_check_names)
"""Of calls that return data. Images and pages ignore what they do not know: links to them are given
parameters by others, such as ``utm_source``."""
