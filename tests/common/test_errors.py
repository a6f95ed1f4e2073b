import pytest

from common.errors import SetupError, exit_with_message


def test_repopulse_error_ends_the_process_with_one_line() -> None:
    with pytest.raises(SystemExit) as raised, exit_with_message():
        raise SetupError("port 5001 is taken")

    # A text as the code goes to stderr, and the exit status is 1.
    assert raised.value.code == "repopulse: port 5001 is taken"


def test_interrupt_ends_the_process_with_status_130() -> None:
    with pytest.raises(SystemExit) as raised, exit_with_message():
        raise KeyboardInterrupt

    assert raised.value.code == 130


def test_other_exceptions_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError), exit_with_message():
        _ = 1 / 0
