"""The page for device makers is true: its examples are run as they stand, and its tables are those of the code."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ingest import contract
from ingest.broker import Broker
from ingest.intake import Intake
from ingest.model import Frame, Reading
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import SystemClock
from tests.ingest.ingest_samples import TOPOLOGY, png
from tests.servers import Mosquitto, find_server

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "topics.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def test_all_words_of_the_wire_are_on_the_page() -> None:
    """Nobody should have to read the code for them."""
    words = [*contract.EVENTS, *contract.SENSOR_KINDS, *contract.COMMANDS]
    words += [*get_args(contract.PortStateWord), *get_args(contract.PortFaultWord)]
    for struct in (contract.ChargerTelemetry, contract.PortTelemetry):
        words += [name for name in struct.__struct_fields__ if name not in ("ports", "port")]

    assert [word for word in words if f"`{word}`" not in PAGE and f"`ports[].{word}`" not in PAGE] == []


def test_all_ranges_of_the_wire_are_on_the_page() -> None:
    """With the numbers of the code."""
    for struct in (contract.ChargerTelemetry, contract.PortTelemetry):
        for name, schema in msgspec.json.schema_components([struct])[1][struct.__name__]["properties"].items():
            bounds = next((kind for kind in schema.get("anyOf", [schema]) if "maximum" in kind), None)
            if bounds is None or name in ("seq", "port"):
                continue
            low, high = (f"{bounds[side]:,.0f}".replace("-", "−") for side in ("minimum", "maximum"))
            rows = [row for row in PAGE.splitlines() if re.match(rf"\| `(ports\[\]\.)?{name}` \|", row)]

            assert any(f"| {low} … {high}" in row for row in rows), name


@pytest.mark.servers
@pytest.mark.slow
async def test_the_examples_work_as_they_stand(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Every one is taken, and nothing is refused."""
    wrapper = tmp_path / "mosquitto_pub"
    wrapper.write_text(f'#!/bin/sh\nexec {find_server("mosquitto_pub")} -h 127.0.0.1 -p {mosquitto.port} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "frame.jpg").write_bytes(png(64, 48))
    readings: list[Reading] = []
    frames: list[Frame] = []
    replies: list[str] = []

    async def hear(batch: Sequence[Reading]) -> None:
        readings.extend(batch)

    store = await SqliteStore.open(tmp_path / "t.db")
    broker = Broker(mosquitto.url, "service", ["sheds/#"])
    intake = Intake(
        TOPOLOGY, store, SystemClock(), broker.inbox,
        on_readings=hear, on_frame=frames.append, on_reply=lambda _device, reply: replies.append(reply.id),
    )  # fmt: skip
    tasks = [asyncio.create_task(broker.run()), asyncio.create_task(intake.run())]
    await asyncio.wait_for(broker.wait_online(), 10)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    captured = datetime.now(UTC) - timedelta(seconds=3)
    examples = [re.sub(r"20\d\d-\d\d-\d\dT\S+", captured.isoformat(), example) for example in EXAMPLES]
    for example in examples:
        await asyncio.to_thread(
            subprocess.run, ["sh", "-ec", example], cwd=tmp_path, env=environment, check=True, timeout=30
        )
    async with asyncio.timeout(10):
        while len(frames) < 2 or not replies:
            await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    refused = await store.dead_letters(10)
    await store.close()

    assert refused == []
    assert len(EXAMPLES) == 6
    assert {reading.event for reading in readings} == {None, "session_started"}
    assert {reading.port for reading in readings} == {None, 1, 2, 3}
    assert True in {reading.online for reading in readings}
    assert replies == ["cut-17"]
    assert frames[1].captured_ms == round(captured.timestamp() * 1000)
