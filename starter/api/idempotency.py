"""`Idempotency-Key`, as at Stripe: the first answer is given again for 24 hours.

An answer is kept once the request was carried out, whatever it was; not when it was refused at the
door, and not when it could not be kept (503), so that it can be tried again under the same key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import Response

from activities.clock import Clock
from activities.crm.store import Store
from activities.crm.tables import Idempotency
from starter.api.problems import MEDIA_TYPE, Fault

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(minutes=2)  # after that whoever began it has died: it may be tried again
SOON = {"Retry-After": "1"}

Carry = Callable[[], Awaitable[Response]]


def key_of(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Fault(422, "idempotency_key_invalid", param="Idempotency-Key")
    return key


def event_id(api_key_id: str, key: str) -> str:
    """What is stored under the same id twice is carried out once, even after a crash midway."""
    return "idem_" + hashlib.sha256(f"{api_key_id}/{key}".encode()).hexdigest()[:32]


class Once:
    """Carries a request out once per key."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock

    async def __call__(
        self, request: Request, api_key_id: str, key: str, body: bytes, carry: Carry
    ) -> Response:
        said = f"{request.method} {request.url.path}\n".encode() + body
        digest = hashlib.sha256(said).hexdigest()
        first = await self._claim(api_key_id, key, digest)
        if first is not None:
            return first
        try:
            response = await carry()
        except BaseException:
            await self._forget(api_key_id, key)
            raise
        if response.status_code >= 500:
            await self._forget(api_key_id, key)
        else:
            await self._keep(api_key_id, key, response)
        return response

    async def forget_old(self) -> None:
        async with self.store.transaction() as session:
            old = self.clock.real() - KEPT
            await session.execute(delete(Idempotency).where(Idempotency.at < old))

    async def _claim(self, api_key_id: str, key: str, digest: str) -> Response | None:
        """The first answer; none if this is the first time, and so ours to carry out."""
        now = self.clock.real()
        try:
            async with self.store.transaction() as session:
                row = await session.get(Idempotency, (api_key_id, key), with_for_update=True)
                if row is None:
                    session.add(Idempotency(api_key_id=api_key_id, key=key, digest=digest, at=now))
                    return None
                if _is_over(row, now):
                    row.digest, row.at, row.status, row.body = digest, now, None, None
                    return None
        except IntegrityError:  # somebody came first by a hair
            raise Fault(409, "idempotency_in_progress", headers=SOON) from None
        if row.digest != digest:
            raise Fault(409, "idempotency_mismatch", param="Idempotency-Key")
        if row.status is None:
            raise Fault(409, "idempotency_in_progress", headers=SOON)
        media = MEDIA_TYPE if row.status >= 400 else "application/json"
        headers = {"Idempotent-Replayed": "true"}
        return Response(row.body or "", row.status, headers, media_type=media)

    async def _keep(self, api_key_id: str, key: str, response: Response) -> None:
        async with self.store.transaction() as session:
            row = await session.get(Idempotency, (api_key_id, key))
            if row is not None:
                row.status, row.body = response.status_code, bytes(response.body).decode()

    async def _forget(self, api_key_id: str, key: str) -> None:
        async with self.store.transaction() as session:
            await session.execute(
                delete(Idempotency).where(
                    Idempotency.api_key_id == api_key_id,
                    Idempotency.key == key,
                    Idempotency.status.is_(None),
                )
            )


def _is_over(row: Idempotency, now: datetime) -> bool:
    return now - row.at >= (UNDER_WAY if row.status is None else KEPT)
