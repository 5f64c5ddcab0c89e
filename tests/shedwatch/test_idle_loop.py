"""The loop that knows when it is at rest: callbacks, timers that are due, sockets and threads all count as work."""

import asyncio
import socket
import time

import pytest

from shedwatch.idle_loop import IdleLoop


def in_idle_loop(main):
    with asyncio.Runner(loop_factory=IdleLoop) as runner:
        return runner.run(main())


def until(settled=lambda: True, patience_s=5.0):
    return asyncio.get_running_loop().until(settled, patience_s)


def test_rest_comes_after_every_callback_that_was_ready():
    """A chain of tasks that only yield is followed to its end."""
    done = []

    async def chain():
        for number in range(50):
            await asyncio.sleep(0)
            done.append(number)

    async def main():
        task = asyncio.create_task(chain())
        assert await until()
        assert task.done()

    in_idle_loop(main)
    assert len(done) == 50


def test_rest_comes_after_what_a_socket_has_brought():
    """What another process wrote before is read before there is rest."""
    near, far = socket.socketpair()
    near.setblocking(False)
    read = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.add_reader(near, lambda: read.append(near.recv(10)))
        far.send(b"news")
        assert await until()
        assert read == [b"news"]
        loop.remove_reader(near)

    with near, far:
        in_idle_loop(main)


def test_timers_of_the_future_do_not_disturb_the_rest():
    """Real time-outs guard real input and output; nobody waits for them."""

    async def main():
        timer = asyncio.create_task(asyncio.sleep(60.0))
        assert await until()
        timer.cancel()

    began = time.monotonic()
    in_idle_loop(main)
    assert time.monotonic() - began < 30.0


def test_what_runs_elsewhere_is_asked_for_until_it_is_done():
    """A thread's end is noticed although it tells the loop nothing."""

    async def main():
        done = []
        thread = asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(0.1), done.append(1)))
        assert await until(lambda: bool(done))
        assert done
        await thread

    in_idle_loop(main)


def test_what_never_ends_is_given_up():
    """The caller is told, and may wait again."""

    async def main():
        assert not await until(lambda: False, 0.1)
        assert await until()

    in_idle_loop(main)


def test_only_one_may_wait():
    """Two who move one clock would both be wrong."""

    async def main():
        first = asyncio.create_task(until(lambda: False, 5.0))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="waits for this loop's rest already"):
            await until()
        first.cancel()

    in_idle_loop(main)
