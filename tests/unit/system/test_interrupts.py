from __future__ import annotations

import signal

import pytest

from tlbench.system.interrupts import Interrupted, interruptible, noted_signals

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_raises_and_names_itself(number, exit_code):
    before = [signal.getsignal(n) for n in SIGNALS]
    with pytest.raises(Interrupted, match=number.name) as caught, interruptible():
        signal.raise_signal(number)
    assert caught.value.exit_code == exit_code
    assert [signal.getsignal(n) for n in SIGNALS] == before


def test_a_second_signal_does_not_disturb_the_way_out():
    finished = []

    def stopped_while_tidying():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            finished.append(True)

    with pytest.raises(Interrupted, match="SIGINT"), interruptible():
        stopped_while_tidying()
    assert finished


def test_nothing_that_catches_exceptions_swallows_it():
    assert not issubclass(Interrupted, Exception)


def test_handlers_are_put_back_after_an_error():
    before = [signal.getsignal(n) for n in SIGNALS]
    with pytest.raises(ValueError, match="odd"), interruptible():
        raise ValueError("odd")
    assert [signal.getsignal(n) for n in SIGNALS] == before


def test_a_deferred_signal_waits_until_it_is_asked_for():
    with interruptible() as signals:
        signals.deferred = True
        signals.raise_if_pending()
        signal.raise_signal(signal.SIGTERM)
        assert signals.pending == signal.SIGTERM
        with pytest.raises(Interrupted, match="SIGTERM") as caught:
            signals.raise_if_pending()
    assert caught.value.exit_code == 143


def test_a_second_signal_does_not_wait():
    with interruptible() as signals:
        signals.deferred = True
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted, match="SIGINT"):
            signal.raise_signal(signal.SIGINT)


def test_handlers_can_be_taken_back_from_a_library():
    with interruptible() as signals:
        signal.signal(signal.SIGTERM, lambda *_: None)
        signals.install()
        with pytest.raises(Interrupted):
            signal.raise_signal(signal.SIGTERM)


def test_noted_signals_disturb_nothing():
    before = [signal.getsignal(n) for n in SIGNALS]
    with noted_signals() as noted:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert noted == [signal.SIGTERM, signal.SIGINT]
    assert [signal.getsignal(n) for n in SIGNALS] == before
