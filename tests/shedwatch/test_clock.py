"""Clocks: a steered one stands still, wakes who is due when it is moved, and never goes back."""

import asyncio

import pytest

from shedwatch.clock import SteeredClock

START_MS = 1_795_400_000_000


async def test_steered_clock_stands_still_until_it_is_moved():
    """Real time changes nothing."""
    clock = SteeredClock(START_MS)
    await asyncio.sleep(0.01)
    assert (clock.now_ms(), clock.monotonic()) == (START_MS, 0.0)
    clock.move_to(2.5)
    assert (clock.now_ms(), clock.monotonic()) == (START_MS + 2500, 2.5)


async def test_sleepers_wake_in_the_order_of_their_time_when_the_clock_has_passed_it():
    """Each wakes once, and not before."""
    clock = SteeredClock(START_MS)
    woken = []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3.0, 1.0, 2.0)]
    await asyncio.sleep(0)
    assert clock.due_s == 1.0
    clock.move_to(0.9)
    await asyncio.sleep(0)
    assert woken == []
    clock.move_to(2.0)
    await asyncio.sleep(0)
    assert woken == [1.0, 2.0]
    clock.move_to(9.0)
    await asyncio.gather(*tasks)
    assert woken == [1.0, 2.0, 3.0]


async def test_sleeper_that_was_cancelled_is_no_longer_due():
    """Time does not move for somebody who is gone."""
    clock = SteeredClock(START_MS)
    task = asyncio.create_task(clock.sleep(1.0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.due_s == float("inf")


async def test_sleeping_for_no_time_lets_others_run_and_returns():
    """A sleep of nothing needs nobody to move the clock."""
    await SteeredClock(START_MS).sleep(0.0)


async def test_steered_clock_refuses_to_go_back():
    """Nobody who measures with it may see time step back."""
    clock = SteeredClock(START_MS)
    clock.move_to(5.0)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.move_to(4.9)
