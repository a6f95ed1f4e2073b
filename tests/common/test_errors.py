import pytest

from common.errors import SetupError, exit_with_message


def test_an_error_of_ours_ends_the_process_with_one_line() -> None:
    with pytest.raises(SystemExit) as raised, exit_with_message():
        raise SetupError("port 5001 is taken")

    # A text as the code goes to stderr, and the exit status is 1.
    assert raised.value.code == "repopulse: port 5001 is taken"


def test_an_interrupt_ends_the_process_as_a_shell_expects() -> None:
    with pytest.raises(SystemExit) as raised, exit_with_message():
        raise KeyboardInterrupt

    assert raised.value.code == 130


def test_a_fault_in_the_code_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), exit_with_message():
        _ = 1 / 0
