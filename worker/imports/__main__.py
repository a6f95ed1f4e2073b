"""``python -m worker.imports``: import a history from a file, see ``command``."""

from common.errors import exit_with_message
from worker.imports.command import main

with exit_with_message():
    main()
