import signal
import threading

import pytest

from coursekit.training.interrupts import unbroken


def ctrl_c():
    signal.raise_signal(signal.SIGINT)


def interrupted(times):
    """What of a block ran although Ctrl-C was pressed so many times at its start."""
    done = []
    with unbroken():
        try:
            for _ in range(times):
                ctrl_c()
            done.append("the rest")
        finally:
            print(done)


def test_the_first_ctrl_c_waits_for_the_end_of_the_block(capsys):
    with pytest.raises(KeyboardInterrupt):
        interrupted(1)
    assert capsys.readouterr().out == "['the rest']\n"


def test_a_second_ctrl_c_breaks_the_block_off(capsys):
    with pytest.raises(KeyboardInterrupt):
        interrupted(2)
    assert capsys.readouterr().out == "[]\n"


def test_the_usual_handler_is_back_after_the_block_and_after_an_error_in_it():
    usual = signal.getsignal(signal.SIGINT)
    with unbroken():
        assert signal.getsignal(signal.SIGINT) is not usual
    with pytest.raises(ZeroDivisionError), unbroken():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is usual


def test_in_a_thread_the_block_runs_as_it_is():
    done = []

    def work():
        with unbroken():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
