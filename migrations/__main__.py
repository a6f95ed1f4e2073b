"""``python -m migrations``: migrate the database to the newest schema, or exit with one line."""

from alembic import command
from alembic.config import Config

from common.errors import exit_with_message

if __name__ == "__main__":
    with exit_with_message():
        config = Config("alembic.ini")
        config.attributes["fast_path"] = True
        command.upgrade(config, "head")
