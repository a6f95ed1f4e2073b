"""Variables of other programs in the environment, and names that are nearly a setting's.

Our libraries read variables of their own: Celery takes its broker from ``CELERY_BROKER_URL`` before
it looks at our configuration. None of them counts; ``docs/configuration.md`` has the list with the
reasons. Each package of a process removes them before a library reads them.
"""

import os
import re
from difflib import get_close_matches
from logging import Logger
from pathlib import Path

from dotenv import dotenv_values

from common.settings import SECRETS, Settings

_FOREIGN = re.compile(
    # Celery, kombu and billiard
    r"CELERY_.*|KOMBU_.*|APP|BROKER_URL|RESULT_BACKEND|LOADER|CONFIG_MODULE|SKIP_CHECKS"
    r"|C_(FORCE_ROOT|FAKEFORK|IMPDEBUG|STRICT_APP|WARN_APP|WNOCONF|REMDEBUG|BENCH|BENCH_EVERY)"
    r"|DJANGO_SETTINGS_MODULE|REMAP_SIGTERM|FORKED_BY_MULTIPROCESSING|MP_LOG|MP_MAIN_FILE|NOSETPS"
    r"|AUTOSCALE_KEEPALIVE|EVENTLET_NOBLOCK|TIMER_DEBUG|USE_FAST_LOCALS|PICKLE_PROTOCOL"
    r"|DISABLE_TRACEBACKS"
    # Flower
    r"|FLOWER_.*"
    # libpq
    r"|PG[A-Z]+"
    # uvicorn and FastAPI
    r"|UVICORN_.*|WEB_CONCURRENCY|FORWARDED_ALLOW_IPS|FASTAPI_.*|OTEL_.*"
    # prometheus_client, pydantic-settings, Python's ssl
    r"|PROMETHEUS_(MULTIPROC_DIR|DISABLE_CREATED_SERIES|LEGACY_NAME_VALIDATION)"
    r"|prometheus_multiproc_dir|PYDANTIC_SETTINGS_DEBUG|SSLKEYLOGFILE"
)

_OURS = {name.upper() for name in Settings.model_fields}
_OURS |= {f"{name.upper()}_FILE" for name in SECRETS}

_PATHS_OF_OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""OpenSSL takes an empty one as a path, and then trusts no certificate of Redis or Postgres."""

_LIKENESS = 0.88
"""How alike, from 0 to 1, a slip and a setting are: ``GITHUB_TOKE`` is one, ``APP_KEY`` is not."""

_NO_SLIPS = {"RELEASE"}
"""Like a setting, but usual names of other programs' variables."""

_removed: set[str] = set()


def remove_foreign() -> None:
    """Remove the variables that our libraries would read, from this process and its children.

    Of a setting in both spellings, such as ``HTTPS_PROXY`` and ``https_proxy``, the upper-case one
    stays: Docker sets both, and a compose file replaces one.
    """
    given = dict(os.environ)
    for name, value in given.items():
        upper = name.upper()
        if _FOREIGN.fullmatch(name) and upper not in _OURS:
            del os.environ[name]
            _removed.add(name)
        elif (name != upper and upper in _OURS and given.get(upper)) or (
            name in _PATHS_OF_OPENSSL and not value
        ):
            del os.environ[name]


def get_foreign() -> str | None:
    """Return one line with the names of the variables that were removed, or None."""
    if not _removed:
        return None
    return (
        f"variables of other programs have no effect here: {', '.join(sorted(_removed))}"
        " (see docs/configuration.md)"
    )


def get_slips() -> list[str]:
    """Return one line for each name in the environment or ``.env`` that is nearly a setting's."""
    return [
        f"{name} is not a setting and has no effect: {likely[0]} is"
        for name in sorted({*os.environ, *_removed, *_names_in_file()})
        if name.upper() not in _OURS | _NO_SLIPS
        and (likely := get_close_matches(name.upper(), _OURS, 1, _LIKENESS))
    ]


def log_warnings(log: Logger) -> None:
    """Log what the operator may have set in vain, by name and without values."""
    foreign = get_foreign()
    for line in get_slips() + ([foreign] if foreign else []):
        log.warning("%s", line)


def _names_in_file() -> set[str]:
    """Return the names in ``.env``, which other programs read too, such as Docker Compose."""
    path = Settings.model_config.get("env_file")
    if not isinstance(path, str) or not Path(path).is_file():
        return set()
    return set(dotenv_values(path, interpolate=False))
