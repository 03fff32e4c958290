"""The lock serves those who wait in the order in which they came."""

from __future__ import annotations

import threading

from captioner.fair_lock import FairLock


def waiting(lock: FairLock, count: int) -> None:
    """Return once so many threads stand in line."""
    while len(lock._waiting) < count:
        threading.Event().wait(0.001)


def test_first_come_first_served() -> None:
    lock, served, threads = FairLock(), list[int](), list[threading.Thread]()

    def one(number: int) -> None:
        with lock:
            served.append(number)

    with lock:
        for number in range(20):
            threads.append(threading.Thread(target=one, args=(number,)))
            threads[-1].start()
            waiting(lock, number + 1)
    for thread in threads:
        thread.join(60)
    assert served == list(range(20))


def test_no_thread_gets_it_twice_while_another_waits() -> None:
    lock, served = FairLock(), list[str]()

    def one() -> None:
        with lock:
            served.append("the other")

    other = threading.Thread(target=one)
    with lock:
        other.start()
        waiting(lock, 1)
    with lock:  # at once, as a visitor with many pictures comes back
        served.append("the first again")
    other.join(60)
    assert served == ["the other", "the first again"]


def test_one_at_a_time_and_a_failure_lets_the_next_one_in() -> None:
    lock, inside, most = FairLock(), 0, 0

    def many() -> None:
        nonlocal inside, most
        for _ in range(200):
            try:
                with lock:
                    inside += 1
                    most = max(most, inside)
                    inside -= 1
                    raise KeyError
            except KeyError:
                pass

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert (inside, most) == (0, 1)
