"""Whoever comes first is served first, and who no longer wants to wait leaves."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic, sleep

from rag.turns import Turns


def eventually(holds: Callable[[], bool]) -> None:
    end = monotonic() + 5
    while not holds():
        assert monotonic() < end
        sleep(0.002)


def test_turns_come_in_the_order_of_asking() -> None:
    turns, served, may_end = Turns(), list[int](), Event()

    def ask(number: int) -> None:
        with turns.turn() as came:
            assert came
            served.append(number)
            may_end.wait(5)

    threads = []
    for number in range(8):
        threads.append(Thread(target=ask, args=(number,)))
        threads[-1].start()
        eventually(lambda n=number: turns.ahead == n + 1)  # type: ignore[misc]
    assert served == [0]
    may_end.set()
    for thread in threads:
        thread.join(5)

    assert served == list(range(8))
    assert turns.ahead == 0


def test_who_stops_waiting_leaves_and_the_next_one_moves_up() -> None:
    turns, stop, came = Turns(), Event(), list[bool]()

    def ask() -> None:
        with turns.turn(stop) as is_my_turn:
            came.append(is_my_turn)

    with turns.turn():
        thread = Thread(target=ask)
        thread.start()
        eventually(lambda: turns.ahead == 2)
        stop.set()
        thread.join(5)
        assert came == [False]
        assert turns.ahead == 1
    assert turns.ahead == 0


def test_an_error_in_a_turn_ends_it() -> None:
    turns = Turns()
    try:
        with turns.turn():
            raise ValueError
    except ValueError:
        pass

    with turns.turn() as came:
        assert came
