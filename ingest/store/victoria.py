"""VictoriaMetrics: written by `/api/v2/write` as InfluxDB is, read by PromQL.

It must run with `-dedup.minScrapeInterval=1ms`, else lines that had to be sent twice count twice. It answers 204 to
lines it cannot read and drops them; ours it can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from ingest.model import FIELDS, DeviceRef
from ingest.store.http_reader import HttpReader
from ingest.store.line_sender import TIMEOUT_S, LineSender, TokenSource
from ingest.store.lines import MEASUREMENTS, PORT, tags_of
from ingest.store.port import Aggregate, LatestValue, StoreError
from ingest.store.remote import Answer
from ingest.store.remote_url import RemoteUrl
from ingest.store.rows import check_query, word_of

_ROLLUPS: dict[Aggregate, str] = {
    "mean": "avg_over_time",
    "min": "min_over_time",
    "max": "max_over_time",
    "last": "last_over_time",
    "count": "count_over_time",
}
# The server gives at most 30 000 points a series.
_STEPS = 10_000
# As the embedded store keeps summaries; older newest values are of devices long gone.
_LATEST_RANGE = "366d"
_RAW_RANGE_MS = 6 * 3_600_000


class _Window(NamedTuple):
    """Buckets of one width that are asked for together: names of the first and the last, and the width."""

    first_ms: int
    last_ms: int
    width_ms: int
    step_ms: int


class VictoriaStore:
    """`RemoteStore` on VictoriaMetrics."""

    def __init__(self, url: RemoteUrl, token: TokenSource, timeout_s: float = TIMEOUT_S) -> None:
        self.name = str(url)
        self._sender = LineSender(url, token, timeout_s)
        self._reader = HttpReader(url, token)

    async def write(self, lines: bytes) -> Answer:
        return await self._sender.send(lines)

    async def is_there(self) -> bool:
        return await self._reader.is_there()

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        names = {f"{measurement}_{field}": (measurement, field) for measurement in MEASUREMENTS for field in FIELDS}
        selector = f'{{__name__=~"({"|".join(MEASUREMENTS)})_.+",device!=""}}[{_LATEST_RANGE}]'
        values = await self._ask(f"last_over_time({selector})")
        times = await self._ask(f"tlast_over_time({selector}) keep_metric_names")
        seen_ms = {_key(it["metric"]): round(float(it["value"][1]) * 1000) for it in times}
        newest: defaultdict[tuple[DeviceRef, int | None], dict[str, LatestValue]] = defaultdict(dict)
        for it in values:
            labels = it["metric"]
            measurement, field = names.get(labels.get("__name__", ""), ("", ""))
            ts_ms = seen_ms.get(_key(labels))
            if field and ts_ms is not None:
                device = DeviceRef(labels["site"], labels["shed"], labels["device"])
                port = int(labels["port"]) if measurement == PORT else None
                newest[device, port][field] = LatestValue(word_of(field, float(it["value"][1])), ts_ms, ts_ms)
        return dict(newest)

    async def history(
        self, device: DeviceRef, port: int | None, field: str, from_ms: int, to_ms: int, every_s: int, agg: Aggregate
    ) -> list[tuple[int, float]]:
        check_query(field, every_s, agg)
        labels = ",".join(f'{key}="{_quoted(value)}"' for key, value in tags_of(device, port))
        sources = [PORT] if port is not None else [name for name in MEASUREMENTS if name != PORT]
        selector = f'{{__name__=~"({"|".join(sources)})_{field}",{labels}}}'
        if every_s == 0:
            return await self._every_value(selector, from_ms, to_ms)
        points: list[tuple[int, float]] = []
        for window in _windows(from_ms, to_ms, every_s * 1000):
            points += await self._buckets(f"{_ROLLUPS[agg]}({selector}[{window.width_ms}ms])", window)
        return sorted(points)

    async def close(self) -> None:
        await self._sender.close()
        await self._reader.close()

    async def _every_value(self, selector: str, from_ms: int, to_ms: int) -> list[tuple[int, float]]:
        points: list[tuple[int, float]] = []
        for begin_ms in range(from_ms, to_ms, _RAW_RANGE_MS):
            end_ms = min(begin_ms + _RAW_RANGE_MS, to_ms)
            for series in await self._ask(f"{selector}[{end_ms - begin_ms}ms]", end_ms - 1):
                points += [(round(ts_s * 1000), float(value)) for ts_s, value in series["values"]]
        return sorted(points)

    async def _buckets(self, query: str, window: _Window) -> list[tuple[int, float]]:
        """A bucket is what a range function sees from its last millisecond."""
        ends_at = window.width_ms - 1
        result = await self._get(
            "/api/v1/query_range",
            query=query,
            start=_seconds(window.first_ms + ends_at),
            end=_seconds(window.last_ms + ends_at),
            step=f"{window.step_ms}ms",
        )
        return [
            ((round(ts_s * 1000) - ends_at) // window.step_ms * window.step_ms, float(value))
            for series in result
            for ts_s, value in series["values"]
        ]

    async def _ask(self, query: str, at_ms: int | None = None) -> list[dict[str, Any]]:
        return await self._get("/api/v1/query", query=query, **({} if at_ms is None else {"time": _seconds(at_ms)}))

    async def _get(self, path: str, **params: str) -> list[dict[str, Any]]:
        answer = await self._reader.json(path, {"nocache": "1", **params})
        try:
            result: list[dict[str, Any]] = answer["data"]["result"]
        except (KeyError, TypeError):
            raise StoreError(f"{self.name}: an unexpected answer: {str(answer)[:200]}") from None
        return result


def _windows(from_ms: int, to_ms: int, step_ms: int) -> Iterator[_Window]:
    """The buckets of a range: whole ones many at a time, those at its ends only as far as they lie within."""
    head_ms = -(-from_ms // step_ms) * step_ms
    tail_ms = to_ms // step_ms * step_ms
    if tail_ms < head_ms:
        if to_ms > from_ms:
            yield _Window(from_ms, from_ms, to_ms - from_ms, step_ms)
        return
    if from_ms < head_ms:
        yield _Window(from_ms, from_ms, head_ms - from_ms, step_ms)
    for first_ms in range(head_ms, tail_ms, _STEPS * step_ms):
        yield _Window(first_ms, min(first_ms + _STEPS * step_ms, tail_ms) - step_ms, step_ms, step_ms)
    if tail_ms < to_ms:
        yield _Window(tail_ms, tail_ms, to_ms - tail_ms, step_ms)


def _key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _seconds(moment_ms: int) -> str:
    return f"{moment_ms / 1000:.3f}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
