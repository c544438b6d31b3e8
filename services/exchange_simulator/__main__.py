"""``python -m services.exchange_simulator``: serves until SIGTERM or SIGINT."""

import asyncio
import json
import os
import signal
import sys

import uvloop

from services.exchange_simulator.app import HOST, serving
from services.exchange_simulator.assembly import assemble
from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.settings import Settings, read_settings


async def serve(settings: Settings) -> None:
    """Says on standard output when it listens. Raises BadConfiguration."""
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    simulator = assemble(settings)
    try:
        async with serving(simulator, settings.port) as port:
            sys.stdout.write(json.dumps({"ready": True, "port": port}) + "\n")
            sys.stdout.flush()
            await stop.wait()
    except OSError as error:
        raise BadConfiguration(
            f"cannot listen on {HOST}:{settings.port} ({error.strerror}); choose another --port"
        ) from None


def main() -> int:
    try:
        uvloop.run(serve(read_settings(sys.argv[1:], os.environ)))
    except BadConfiguration as error:
        sys.stderr.write(f"exchange_simulator: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
