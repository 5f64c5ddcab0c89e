"""The closed loop of one cut, pure: cut, event and time in; the cut after it and what is to be ordered out.

A charger's "accepted" means only that it has understood: relays weld shut, and some firmware charges on all the same. So a cut is proved by
what the meter says after the order, and what cannot be proved goes to the next means: the charger's breaker, then people.
The charger is asked to report again and again meanwhile, for its own habit may be five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from alerts.cutoff.model import Cut, CutOrder, CutState, CutStep

CommandWord = Literal["stop", "breaker_open", "poll"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CutTimes:
    """How long each step may take.

    Attributes:
        resend_s: an order without a reply is sent again; a message to a charger on a mobile network is often lost.
        verify_s: the current must be zero by then, else the next means is taken. A charger that is asked to report answers
            within a second or two; ten are left for a slow network.
        poll_s: how often it is asked.
        weld_s: a charger that says "off" while current flows has to say it twice, this far apart: its meter may be one report
            behind its state.
        watch_s: an hour; a cut pack can go on heating and burn long after, and a timer or a resident can switch on again.
    """

    resend_s: float = 4.0
    verify_s: float = 12.0
    poll_s: float = 2.0
    weld_s: float = 2.0
    watch_s: float = 3600.0


ZERO_W = 3.0
ZERO_A = 0.05
"""Below both nothing is charging: chargers themselves take less than this for "unplugged"; their meters read a watt of noise."""

FLOWS_W = 5.0
FLOWS_A = 0.15
"""From either on current surely flows, as for `relay_welded`: a charger that is off draws less through its filter."""

AGREEING = 2
"""Reports in a row that must agree: a single one can be a meter's hiccup, and the proof must hold."""


@dataclass(frozen=True, slots=True)
class Send:
    """A command to the charger."""

    command_id: str
    command: CommandWord
    port: int | None


@dataclass(slots=True)
class Loop:
    """One cut on its way: the cut as it is, and what need not be remembered over a restart.

    Methods give what is to be sent; whether the cut has changed shows in `cut`.
    """

    cut: Cut
    times: CutTimes = field(default_factory=CutTimes)
    zeros: int = 0
    polled_ms: int = 0
    accepted_ms: int | None = None
    """When the order that counts now was accepted, in this life."""
    denied_ms: int | None = None
    """Since when every report says that it was carried out, and that current flows all the same."""

    def replied(self, command_id: str, accepted: bool, reason: str | None, now_ms: int) -> list[Send]:
        """The charger has answered an order."""
        cut = self.cut
        if command_id != cut.command_id or cut.settled:
            return []
        if accepted:
            self.accepted_ms = self.accepted_ms or now_ms
            if cut.state is CutState.REQUESTED:
                self._to(CutState.ACCEPTED, now_ms, "充电桩已答应 / the charger says it will", accepted_ts=now_ms)
            return self._poll(now_ms)
        return self._next_means(now_ms, f"充电桩拒绝 / the charger refuses: {reason or '-'}")

    def measured(
        self, power_w: float | None, current_a: float | None, now_ms: int, off_ms: int | None = None
    ) -> list[Send]:
        """A report of the port has come, received after the order.

        `off_ms`: when it was made, where the charger itself says in it that the order was carried out.
        """
        if power_w is None and current_a is None:
            return []
        self.cut = replace(
            self.cut,
            power_w=power_w if power_w is not None else self.cut.power_w,
            current_a=current_a if current_a is not None else self.cut.current_a,
        )
        zero = (power_w is None or power_w < ZERO_W) and (current_a is None or current_a < ZERO_A)
        self.zeros = self.zeros + 1 if zero else 0
        if self.cut.state is CutState.VERIFIED:
            return self._came_back(now_ms) if not zero else []
        if self.zeros >= AGREEING:
            watch_until = now_ms + round(self.times.watch_s * 1000)
            how = "总闸断电 / by the charger's breaker" if self.cut.by_breaker else "本口断电 / by the port"
            self._to(
                CutState.VERIFIED,
                now_ms,
                f"已无电流 / no current any more; {how}",
                verified_ts=now_ms,
                watch_until_ts=watch_until,
            )
            return []
        if self.cut.settled:
            return []
        if zero:
            self.denied_ms = None
            return self._poll(now_ms)
        return self._denied(power_w, current_a, off_ms, now_ms)

    def _denied(self, power_w: float | None, current_a: float | None, off_ms: int | None, now_ms: int) -> list[Send]:
        """Current flows. Where the charger says that it switched off, and says so again, waiting proves nothing more."""
        flows = (power_w or 0.0) >= FLOWS_W or (current_a or 0.0) >= FLOWS_A
        # A report that is older than the acceptance, or says "charging", may be of the time before the order was carried out.
        if not flows or off_ms is None or self.accepted_ms is None or off_ms <= self.accepted_ms:
            self.denied_ms = None
            return []
        if self.denied_ms is None:
            # Asked again when enough time has passed, and not just before.
            self.denied_ms = self.polled_ms = now_ms
            return []
        if now_ms - self.denied_ms < self.times.weld_s * 1000:
            return []
        return self._next_means(now_ms, f"充电桩自报已断电 / the charger says it is off; {self._why_not_verified()}")

    def tick(self, now_ms: int) -> list[Send]:
        """Time has passed."""
        cut = self.cut
        if cut.settled:
            return []
        if now_ms - cut.step_ts >= self.times.verify_s * 1000:
            return self._next_means(now_ms, self._why_not_verified())
        if cut.state in (CutState.REQUESTED, CutState.ESCALATED) and now_ms - cut.sent_ts >= self.times.resend_s * 1000:
            self.cut = replace(cut, sent_ts=now_ms)
            return [self._order(), *self._poll(now_ms)]
        if now_ms - self.polled_ms >= self.times.poll_s * 1000:
            return self._poll(now_ms)
        return []

    def begin(self) -> list[Send]:
        """Send the order that counts now."""
        return [] if self.cut.settled else [self._order()]

    def resume(self, now_ms: int) -> list[Send]:
        """Go on after a restart: the order is sent again, and its proof has its whole time, for nobody listened meanwhile."""
        if self.cut.settled:
            return []
        self.cut = replace(self.cut, sent_ts=now_ms, step_ts=now_ms)
        self.accepted_ms = self.denied_ms = None
        return [self._order(), *self._poll(now_ms)]

    def _next_means(self, now_ms: int, why: str) -> list[Send]:
        if not self.cut.by_breaker and self.cut.breaker_allowed:
            self.zeros, self.accepted_ms, self.denied_ms = 0, None, None
            self._to(
                CutState.ESCALATED,
                now_ms,
                f"{why}; 正在拉开总闸 / opening the charger's breaker",
                escalated_ts=now_ms,
                command_id=f"{self.cut.id}-b",
                sent_ts=now_ms,
                step_ts=now_ms,
            )
            return [self._order()]
        self._to(CutState.FAILED, now_ms, why, failed_ts=now_ms)
        return []

    def _came_back(self, now_ms: int) -> list[Send]:
        self._to(CutState.FAILED, now_ms, "断电后又有电流 / current flows again after the cut", failed_ts=now_ms)
        return []

    def _why_not_verified(self) -> str:
        if self.cut.power_w is None and self.cut.current_a is None:
            return "充电桩不上报，无法确认断电 / the charger does not report, so nothing is proved"
        figures = [
            f"{value:g} {unit}"
            for value, unit in ((self.cut.power_w, "W"), (self.cut.current_a, "A"))
            if value is not None
        ]
        said = "已答应 / it said it would" if self.cut.accepted_ts is not None else "无答复 / no reply"
        return f"仍有 / still {', '.join(figures)} ({said}); 继电器可能粘连 / the relay may be welded"

    def _order(self) -> Send:
        if self.cut.by_breaker:
            return Send(self.cut.command_id, "breaker_open", None)
        return Send(self.cut.command_id, "stop", self.cut.port)

    def _poll(self, now_ms: int) -> list[Send]:
        self.polled_ms = now_ms
        return [Send(f"{self.cut.id}-p{now_ms}", "poll", self.cut.port)]

    def _to(self, state: CutState, now_ms: int, note: str, **changes: int | str) -> None:
        step = CutStep(now_ms, state, note)
        # `replace` takes the fields by name; they are those of `Cut`.
        self.cut = replace(self.cut, state=state, log=(*self.cut.log, step), **changes)


def requested(cut_id: str, order: CutOrder, now_ms: int, *, automatic: bool, breaker_allowed: bool) -> Cut:
    """A new cut."""
    return Cut(
        id=cut_id,
        site=order.site,
        shed=order.shed,
        device=order.device,
        port=order.port,
        who=order.who,
        reason=order.reason,
        automatic=automatic,
        state=CutState.REQUESTED,
        requested_ts=now_ms,
        command_id=f"{cut_id}-s",
        sent_ts=now_ms,
        step_ts=now_ms,
        breaker_allowed=breaker_allowed,
        alert_id=order.alert_id,
        log=(CutStep(now_ms, CutState.REQUESTED, order.reason),),
    )
