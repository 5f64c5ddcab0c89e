"""InfluxDB 1.8, 2.x, 3 Core and Cloud: written by `/api/v2/write`, read by InfluxQL at `/query`, which all of them have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from ingest.model import FIELDS, DeviceRef
from ingest.store.http_reader import HttpReader
from ingest.store.line_sender import TIMEOUT_S, LineSender, TokenSource
from ingest.store.lines import MEASUREMENTS, PORT, tags_of
from ingest.store.port import Aggregate, LatestValue, StoreError
from ingest.store.remote import Answer
from ingest.store.remote_url import RemoteUrl
from ingest.store.rows import check_query, word_of

# VictoriaMetrics answers whatever it is asked with a list of databases it does not have.
_NO_INFLUX = "this is no answer of InfluxDB's; VictoriaMetrics is configured as victoria://"
_TAGS = ("site", "shed", "device", "port")


class _Series(msgspec.Struct):
    values: list[tuple[int, float | bool | str | None]]
    tags: dict[str, str] = {}


class _Result(msgspec.Struct):
    series: list[_Series] = []
    error: str = ""


class _Results(msgspec.Struct):
    results: list[_Result]


class InfluxStore:
    """`RemoteStore` on InfluxDB. The bucket is the database, or `database/policy`, of InfluxQL."""

    def __init__(self, url: RemoteUrl, token: TokenSource, timeout_s: float = TIMEOUT_S) -> None:
        self.name = str(url)
        database, _, policy = url.bucket.partition("/")
        self._where = {"db": database, "epoch": "ms"} | ({"rp": policy} if policy else {})
        self._sender = LineSender(url, token, timeout_s)
        self._reader = HttpReader(url, token)

    async def write(self, lines: bytes) -> Answer:
        return await self._sender.send(lines)

    async def is_there(self) -> bool:
        return await self._reader.is_there()

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        asked = [(measurement, field) for measurement in MEASUREMENTS for field in FIELDS]
        results = await self._ask(
            [
                f'SELECT last("{field}") FROM "{measurement}" GROUP BY {", ".join(_TAGS)}'  # noqa: S608 - names of the registry
                for measurement, field in asked
            ]
        )
        newest: defaultdict[tuple[DeviceRef, int | None], dict[str, LatestValue]] = defaultdict(dict)
        for (measurement, field), result in zip(asked, results, strict=True):
            for series in result.series:
                site, shed, device, port = (series.tags.get(tag, "") for tag in _TAGS)
                key = DeviceRef(site, shed, device), int(port) if measurement == PORT and port.isdecimal() else None
                for ts_ms, value in series.values[:1]:
                    if isinstance(value, int | float):
                        newest[key][field] = LatestValue(word_of(field, value), ts_ms, ts_ms)
        return dict(newest)

    async def history(
        self, device: DeviceRef, port: int | None, field: str, from_ms: int, to_ms: int, every_s: int, agg: Aggregate
    ) -> list[tuple[int, float]]:
        check_query(field, every_s, agg)
        if to_ms <= from_ms:
            return []
        what = f'"{field}"' if every_s == 0 else f'{agg}("{field}")'
        group = f" GROUP BY time({every_s}s) fill(none)" if every_s else ""
        tags = " AND ".join(f"\"{key}\" = '{_quoted(value)}'" for key, value in tags_of(device, port))
        # A device has one kind, so only one of these has anything; which one, only the configuration knows.
        sources = [PORT] if port is not None else [name for name in MEASUREMENTS if name != PORT]
        results = await self._ask(
            [
                f'SELECT {what} FROM "{source}" WHERE {tags} AND time >= {from_ms}ms AND time < {to_ms}ms{group}'  # noqa: S608 - ids are quoted, the rest is of the registry
                for source in sources
            ]
        )
        rows = [row for result in results for series in result.series for row in series.values]
        return sorted((ts_ms, float(value)) for ts_ms, value in rows if isinstance(value, int | float))

    async def close(self) -> None:
        await self._sender.close()
        await self._reader.close()

    async def _ask(self, statements: Sequence[str]) -> Sequence[_Result]:
        """The result of each statement. Raises StoreError."""
        answer = await self._reader.json("/query", {**self._where, "q": ";".join(statements)})
        try:
            results = msgspec.convert(answer, _Results).results
        except msgspec.ValidationError as error:
            raise StoreError(f"{self.name}: {_NO_INFLUX} ({error})") from None
        if failed := next((result.error for result in results if result.error), None):
            raise StoreError(f"{self.name}: {failed}")
        if len(results) != len(statements):
            raise StoreError(f"{self.name}: {_NO_INFLUX} ({len(results)} results for {len(statements)} questions)")
        return results


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
