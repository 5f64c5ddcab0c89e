"""Who a text message or a call goes to, and what it means when only some of them are reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from alerts.notify.port import ChannelError, PermanentError, Person, Receipt


def mobiles(people: Sequence[Person]) -> list[str]:
    """Their numbers. Raises PermanentError where nobody has one."""
    numbers = [person.mobile for person in people if person.mobile]
    if not numbers:
        raise PermanentError("nobody to reach: no one who is meant has a mobile number")
    return numbers


async def reach_each(numbers: Sequence[str], reach: Callable[[str], Awaitable[str]]) -> Receipt:
    """Reach each by itself; one that fails stops no other.

    Where at least one was reached the notice is delivered, for trying again would ring those once more: escalation
    reaches the others. Where none was, the last error is raised.
    """
    told: list[str] = []
    failed: list[ChannelError] = []
    for number in numbers:
        try:
            told.append(await reach(number))
        except ChannelError as error:
            failed.append(error)
    if not told:
        raise failed[-1]
    return Receipt("; ".join([*told, *(f"not reached: {error}" for error in failed)]))
