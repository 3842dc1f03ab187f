"""Messages between a pool and its workers on a cluster, by an actor of Ray in between."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any


class Mailbox:
    """Holds messages until they are asked for; an actor of Ray, whose methods are coroutines.

    Nobody has to reach anybody else but Ray, be it through `ray://`.
    """

    def __init__(self) -> None:
        self._to_pool: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self._to_workers: defaultdict[int, asyncio.Queue[bytes]] = defaultdict(asyncio.Queue)

    async def post(self, number: int, message: bytes) -> None:
        """A worker tells the pool something; once this has returned it is not lost."""
        self._to_pool.put_nowait((number, message))

    async def take(self, wait_s: float) -> list[tuple[int, bytes]]:
        """What workers have told the pool, after so many seconds at the latest."""
        first: Any = await _within(self._to_pool, wait_s)
        found = [] if first is None else [first]
        while not self._to_pool.empty():
            found.append(self._to_pool.get_nowait())
        return found

    async def send(self, number: int, message: bytes) -> None:
        """The pool tells a worker something."""
        self._to_workers[number].put_nowait(message)

    async def next(self, number: int, wait_s: float) -> bytes | None:
        """The next message to a worker; None if there is none after so many seconds."""
        found: bytes | None = await _within(self._to_workers[number], wait_s)
        return found


async def _within(queue: asyncio.Queue[Any], wait_s: float) -> Any:
    if not queue.empty():
        # What is there is had without a wait too.
        return queue.get_nowait()
    try:
        return await asyncio.wait_for(queue.get(), wait_s)
    except asyncio.TimeoutError:
        return None
