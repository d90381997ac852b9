"""People and programs are served in turn, whoever comes in crowds."""

from rag.fair_queue import FairQueue


def served(queue: FairQueue[str]) -> list[str]:
    """Serve everybody, and return them in their order."""
    order = []
    while queue.current is not None:
        order.append(queue.current)
        queue.finish()
    return order


def test_one_line_alone_is_served_in_the_order_of_arrival() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in "abc":
        queue.put("programs", item)

    assert served(queue) == ["a", "b", "c"]


def test_a_person_waits_for_one_program_at_most_however_many_are_there() -> None:
    queue: FairQueue[str] = FairQueue()
    for n in range(4):
        queue.put("programs", f"program {n}")
    queue.put("people", "person")

    assert queue.ahead("person") == 1
    assert served(queue) == ["program 0", "person", "program 1", "program 2", "program 3"]


def test_a_program_waits_for_one_person_at_most_too() -> None:
    queue: FairQueue[str] = FairQueue()
    for n in range(3):
        queue.put("people", f"person {n}")
    queue.put("programs", "program")

    assert served(queue) == ["person 0", "program", "person 1", "person 2"]


def test_what_is_said_to_be_ahead_is_what_is_served_before() -> None:
    queue: FairQueue[str] = FairQueue()
    arrivals = [("programs", "p0"), ("programs", "p1"), ("people", "a"), ("people", "b"),
                ("people", "c"), ("programs", "p2"), ("people", "d")]  # fmt: skip
    for line, item in arrivals:
        queue.put("people" if line == "people" else "programs", item)
    told = {item: queue.ahead(item) for _, item in arrivals}

    assert served(queue) == ["p0", "a", "p1", "b", "p2", "c", "d"]
    assert told == {"p0": 0, "a": 1, "p1": 2, "b": 3, "p2": 4, "c": 5, "d": 6}


def test_one_that_is_removed_leaves_its_place_and_one_that_is_served_stays() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in "abc":
        queue.put("people", item)
    queue.remove("b")
    queue.remove("a")

    assert queue.waiting("people") == 1
    assert served(queue) == ["a", "c"]
