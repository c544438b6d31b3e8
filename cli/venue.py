"""The exchange simulator's control side: how a run plays, pauses and reads the venue's own books."""

from typing import Any

import aiohttp

from shared.errors import Retryable

Json = dict[str, Any]


class Venue:
    """Control requests to one simulator. Answers are its JSON objects as they are."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=60))

    async def _ask(self, method: str, path: str) -> Json:
        try:
            async with self._session.request(method, path) as response:
                if response.status >= 400:
                    raise Retryable(f"the simulator answered {response.status} to {path}: {await response.text()}")
                answer: Json = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retryable(f"the simulator does not answer {path}: {error}") from error

    async def state(self) -> Json:
        """Clock, phase, step, candles played, who has subscribed."""
        return await self._ask("GET", "/sim/state")

    async def books(self) -> Json:
        """Cash, positions, orders and fills as the venue has booked them."""
        return await self._ask("GET", "/sim/books")

    async def timings(self) -> Json:
        """Lock-step: when opens were printed and orders accepted, in ns of the venue's monotonic clock."""
        return await self._ask("GET", "/sim/timings")

    async def advance(self) -> Json:
        """Lock-step: the next phase that changes something."""
        return await self._ask("POST", "/sim/advance")

    async def pause(self) -> Json:
        """Stop the venue's clock."""
        return await self._ask("POST", "/sim/pause")

    async def resume(self) -> Json:
        """Let the venue's clock run again."""
        return await self._ask("POST", "/sim/resume")

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()
