"""Series of one field of one device or port."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.guard import Viewer
from api.problems import bad_parameter
from api.routes.deps import BASE, BLANK, Deps, find_device
from api.schema import answers
from api.times import parse_time
from api.views import History, json_response
from ingest.model import FIELDS, Device, DeviceKind, DeviceRef, FieldKind, FieldSpec
from ingest.store.port import Aggregate

MAX_POINTS = 10_000
RAW_RANGE_S = 6 * 3600
"""Every stored value, not grouped, is given for so long at most: at one a second that is 21 600 points."""
_SENSOR_UNITS = {"temperature": "°C", "humidity": "%", "co": "ppm"}

_Port = Annotated[int, Field(ge=1, le=64)]

router = APIRouter(prefix=BASE, tags=["history"])


@router.get("/history", responses=answers(History, 404, 422, 503))
async def history(
    _who: Viewer,
    deps: Deps,
    device: Annotated[str, Query(description="`site/shed/device`")],
    field: Annotated[str, Query(description=f"One of {', '.join(FIELDS)}")],
    from_: Annotated[str, Query(alias="from", description="Epoch ms or RFC 3339 with offset; inclusive")],
    to: Annotated[str, Query(description="Epoch ms or RFC 3339 with offset; exclusive")],
    port: Annotated[_Port | None, BLANK, Query(description="Of a charger; without it the charger itself")] = None,
    every_s: Annotated[int, Query(ge=0, le=31 * 86_400, description="Seconds a point; 0: every stored value")] = 60,
    agg: Annotated[Aggregate | None, BLANK, Query(description="Default: mean; for words such as `state`: last")] = None,
) -> Response:
    """Points `[ts_ms, value]` in order of time; a time without values has no point.

    Booleans count as 0 and 1. Words count as their index in `values`, which is then part of the answer.
    """
    known = _device(deps, device, port)
    spec = _spec(field)
    from_ms, to_ms = _range(from_, to, every_s)
    chosen = _aggregate(spec, agg)
    points = await deps.store.history(known.ref, port, field, from_ms, to_ms, every_s, chosen)
    words = list(spec.values) if spec.kind is FieldKind.ENUM and chosen != "count" else None
    unit = "" if chosen == "count" else _unit(known, field, spec)
    return json_response(History(unit, points, words))


def _device(deps: Deps, text: str, port: int | None) -> Device:
    try:
        ref = DeviceRef.parse(text)
    except ValueError as error:
        raise bad_parameter("device", str(error)) from None
    device = find_device(deps.topology, ref)
    if port is not None and device.kind is not DeviceKind.CHARGER:
        raise bad_parameter("port", f"{ref} is a {device.kind} and has no ports")
    if port is not None and port > device.ports:
        raise bad_parameter("port", f"{ref} has ports 1 to {device.ports}")
    return device


def _spec(field: str) -> FieldSpec:
    spec = FIELDS.get(field)
    if spec is None:
        raise bad_parameter("field", f"there is no {field[:40]!r}; use one of {', '.join(FIELDS)}")
    return spec


def _range(from_: str, to: str, every_s: int) -> tuple[int, int]:
    from_ms, to_ms = parse_time(from_, "from"), parse_time(to, "to")
    range_s = (to_ms - from_ms) / 1000
    if range_s <= 0:
        raise bad_parameter("to", "must be later than `from`")
    if every_s == 0 and range_s > RAW_RANGE_S:
        raise bad_parameter("every_s", f"0 (every stored value) reaches over {RAW_RANGE_S // 3600} hours at most")
    if every_s > 0 and range_s / every_s > MAX_POINTS:
        least_s = -(-(to_ms - from_ms) // (MAX_POINTS * 1000))
        raise bad_parameter("every_s", f"this would be more than {MAX_POINTS} points; give {least_s} or more")
    return from_ms, to_ms


def _aggregate(spec: FieldSpec, agg: Aggregate | None) -> Aggregate:
    if spec.kind is not FieldKind.ENUM:
        return agg or "mean"
    if agg == "mean":
        raise bad_parameter("agg", "words have no mean; use last, min, max or count")
    return agg or "last"


def _unit(device: Device, field: str, spec: FieldSpec) -> str:
    return _SENSOR_UNITS.get(device.sensor_kind, "") if field == "value" else spec.unit
