"""The controller as the schedule sees it: what is due, what was told, and the place to tell it. It is the truth; nothing is kept here."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from irctl.domain.reminders import Item, Kind, Reminder, Told, spoken

ANSWER_MAX_S = 10.0
VERIFIED_MAX_S = 300.0
"""A large journal on a small computer."""


class Unanswered(Exception):
    """It is not there, or would not do it. The text says why."""


class Controller:
    """One controller by its address. Every call raises Unanswered."""

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        transport: httpx.BaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`token`: one of this process itself that holds now. `tls`: of a station on another computer."""
        self._token = token
        # No proxy of this computer's user stands between clinic and controller.
        self._http = httpx.Client(
            base_url=url, timeout=ANSWER_MAX_S, trust_env=False, transport=transport, verify=tls or True
        )

    def due(self) -> list[Item]:
        """Everything that is due again and again."""
        return [
            Item(
                Kind(told["kind"]),
                told["what"],
                None if told["kind"] == Kind.METER else told["about"],
                _moment(told["last_at"]),
                _moment(told["at"]),
                told["hours_left"],
                told["text"],
            )
            for told in self._ask("GET", "/v1/due")
        ]

    def told(self) -> dict[str, Told]:
        """By item, the last reminder that it told."""
        found = self._ask("GET", "/v1/reminders")
        return {one["item"]: Told(one["occasion"], one["lead_days"], one["open"]) for one in found}

    def tell(self, reminder: Reminder, late: timedelta) -> bool:
        """Whether it was news there."""
        item = reminder.item
        told = {
            "item": item.name,
            "occasion": item.occasion,
            "lead_days": reminder.lead_days,
            "text": reminder.text + (f" (told {spoken(late)} late)" if late else ""),
            "due_at": None if item.at is None else item.at.isoformat(),
            "late_s": late.total_seconds(),
        }
        return bool(self._ask("POST", "/v1/reminders", told)["told"])

    def settle(self, item: str, because: str) -> None:
        """What was told of it needs nobody any more."""
        self._ask("POST", "/v1/reminders/settle", {"item": item, "because": because})

    def verified(self) -> Mapping[str, Any]:
        """Whether its journal holds, as `irctl.domain.chain.Verified` tells it."""
        return self._ask("GET", "/v1/journal/verify", wait_s=VERIFIED_MAX_S)

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, wait_s: float = ANSWER_MAX_S) -> Any:
        try:
            headers = {} if method == "GET" else {"Authorization": f"Bearer {self._token()}"}
            answer = self._http.request(method, path, json=body, headers=headers, timeout=wait_s)
            answer.raise_for_status()
            return answer.json()
        except httpx.HTTPStatusError as error:
            raise Unanswered(f"{method} {path}: {error.response.status_code} {error.response.text[:500]}") from None
        except (httpx.HTTPError, ValueError) as error:
            raise Unanswered(f"{method} {path}: {error or type(error).__name__}") from None


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
