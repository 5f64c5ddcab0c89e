"""A service's public HTTP API, as the judge and the people of a scenario use it.

Errors:
    ExpectError(Exception): the API cannot be reached, refuses, or answers something else than the contract says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx
import msgspec
from msgspec.structs import replace

from ingest.model import DeviceRef
from simulators.cuts import CutPage, SeenCut

_PAGE = 200
_MOST_CUTS = 500


class ExpectError(Exception):
    """The service's API could not be asked."""


class SeenAlert(msgspec.Struct, frozen=True):
    """What the judge needs of the contract's alert object."""

    id: str
    kind: str
    severity: str
    site: str
    shed: str
    device: str
    raised_ts: int
    port: int | None = None
    zone: str | None = None
    cleared_ts: int | None = None
    evidence: list[str] = []
    message: dict[str, str] = {}

    def __str__(self) -> str:
        port = f"#{self.port}" if self.port else ""
        zone = f" {self.zone}" if self.zone else ""
        return f"{self.kind} {self.site}/{self.shed}/{self.device}{port}{zone}"


class AlertPage(msgspec.Struct):
    """`GET /alerts`."""

    items: list[SeenAlert]
    next: str | None = None


class LogLine(msgspec.Struct):
    """What the judge needs of a line of `GET /alerts/{id}/log`."""

    at_ms: int
    to_state: str


class LogPage(msgspec.Struct):
    """`GET /alerts/{id}/log`."""

    items: list[LogLine]


def occurrences(alert: SeenAlert, log: Sequence[LogLine]) -> Iterator[SeenAlert]:
    """Each time people were alarmed within the life of one alert, as an alarm of its own, in order of time.

    An alert that nobody has acknowledged goes on when its hazard is back: for people that is one alarm more. One that is
    suppressed, for another alert explains it, alarms nobody until it is announced.
    """
    raised_ts: int | None = None
    for line in log:
        if line.to_state == "unacknowledged" and raised_ts is None:
            raised_ts = line.at_ms
        elif line.to_state in ("returned_unacknowledged", "normal") and raised_ts is not None:
            yield replace(alert, raised_ts=raised_ts, cleared_ts=line.at_ms)
            raised_ts = None
    if raised_ts is not None:
        yield replace(alert, raised_ts=raised_ts, cleared_ts=None)


class ApiClient:
    """The part of the service's API the judge needs. Raises ExpectError."""

    def __init__(self, url: str, token: str = "", transport: httpx.AsyncBaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Environment proxies have no business between a judge and the service it judges.
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/api/v1", headers=headers, timeout=10.0, transport=transport, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Whether alarms can be read at all."""
        await self._get("/alerts", {"state": "all", "limit": 1})

    async def alerts_since(self, since_ms: int) -> list[SeenAlert]:
        """All alerts raised from then on, oldest first."""
        found: list[SeenAlert] = []
        params: dict[str, Any] = {"state": "all", "since": since_ms, "limit": _PAGE}
        while True:
            body = (await self._get("/alerts", params)).content
            try:
                page = msgspec.json.decode(body, type=AlertPage)
            except msgspec.DecodeError as error:
                raise ExpectError(f"GET /alerts answers something else than the contract: {error}") from None
            found += page.items
            if page.next is None:
                return sorted((it for it in found if it.raised_ts >= since_ms), key=lambda it: it.raised_ts)
            params["cursor"] = page.next

    async def occurrences(self, alert: SeenAlert) -> list[SeenAlert]:
        """The alarms that an alert stands for: see `occurrences`."""
        body = (await self._get(f"/alerts/{alert.id}/log", {})).content
        try:
            return list(occurrences(alert, msgspec.json.decode(body, type=LogPage).items))
        except msgspec.DecodeError as error:
            raise ExpectError(f"GET /alerts/{alert.id}/log answers something else than expected: {error}") from None

    async def cuts(self) -> list[SeenCut]:
        """The newest cuts."""
        body = (await self._get("/cuts", {"limit": _MOST_CUTS})).content
        try:
            return msgspec.json.decode(body, type=CutPage).items
        except msgspec.DecodeError as error:
            raise ExpectError(f"GET /cuts answers something else than the contract: {error}") from None

    async def cut(self, charger: DeviceRef, port: int, note: str) -> None:
        """Order a port off, as an operator does."""
        path = f"/chargers/{charger.site}/{charger.shed}/{charger.device}/ports/{port}/cut"
        try:
            answer = await self._http.post(path, json={"note": note})
        except httpx.HTTPError as error:
            raise ExpectError(f"the API does not answer: {error or type(error).__name__}") from None
        if answer.status_code != httpx.codes.ACCEPTED:
            raise ExpectError(f"POST {path} answers {answer.status_code}: {answer.text[:200]}")

    async def has_picture(self, alert_id: str, name: str) -> bool:
        """Whether a picture of an alert can be read."""
        try:
            answer = await self._http.get(f"/alerts/{alert_id}/evidence/{name}")
        except httpx.HTTPError as error:
            raise ExpectError(f"the API does not answer: {error}") from None
        return answer.status_code == httpx.codes.OK and answer.headers.get("content-type", "").startswith("image/")

    async def _get(self, path: str, params: dict[str, Any]) -> httpx.Response:
        try:
            answer = await self._http.get(path, params=params)
        except httpx.HTTPError as error:
            raise ExpectError(f"the API does not answer: {error or type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            raise ExpectError(f"GET {path} answers {answer.status_code}: {answer.text[:200]}")
        return answer
