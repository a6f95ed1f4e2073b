"""GraphQL errors as GitHub words them."""

from typing import Any

from graphql import GraphQLError


class TypedError(Exception):
    """An error as GitHub words it, with a type that is not part of its schema."""

    def __init__(self, kind: str, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.extensions = extensions


def saml_error() -> TypedError:
    """Return the error of an organisation that requires single sign-on."""
    return TypedError(
        "FORBIDDEN",
        "Resource protected by organization SAML enforcement. You must grant your OAuth token"
        " access to this organization.",
        saml_failure=True,
    )


def format_error(error: GraphQLError) -> dict[str, Any]:
    """Return an error as GitHub sends it."""
    original = error.original_error
    formatted: dict[str, Any] = {}
    if isinstance(original, TypedError):
        formatted["type"] = original.kind
        if original.extensions:
            formatted["extensions"] = original.extensions
    if error.path:
        formatted["path"] = error.path
    if error.locations:
        formatted["locations"] = [
            {"line": location.line, "column": location.column} for location in error.locations
        ]
    formatted["message"] = error.message
    return formatted
