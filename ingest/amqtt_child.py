"""The embedded amqtt broker's own process: `python -m ingest.amqtt_child PORT`, on 127.0.0.1 until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import warnings

from amqtt.broker import Broker


async def serve(port: int) -> None:
    """Run the broker until the process is told to end."""
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await broker.start()
    await end.wait()
    await broker.shutdown()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(int(sys.argv[1])))
