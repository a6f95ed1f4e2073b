"""What all definitions of tables share: the metadata, a type, a default and a constraint."""

from enum import StrEnum

from sqlalchemy import DateTime, MetaData, text

metadata = MetaData(
    # Constraints have the same names in every database, so that migrations can refer to them.
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NEVER = text("'-infinity'")
"""No ``lease_until`` or ``not_before``; unlike null it compares as earlier than now."""

TIME = DateTime(timezone=True)


def one_of(states: type[StrEnum]) -> str:
    """Return the condition that a row's ``state`` is one of some states."""
    return "state IN (" + ", ".join(f"'{state}'" for state in states) + ")"
