"""The bus inside one process: messages are calls, delivered at once and in order."""

from __future__ import annotations

from collections.abc import Callable

from hub.bus.base import Message, Subject
from hub.telemetry.log import get_logger

log = get_logger(__name__)

Receiver = Callable[[Message], None]


class LocalBus:
    """`local:`: no server, nothing to lose."""

    def __init__(self) -> None:
        self._receivers: dict[Subject, list[Receiver]] = {}

    def publish(self, message: Message) -> None:
        """See `Bus.publish`."""
        for receive in tuple(self._receivers.get(message.subject, ())):
            try:
                receive(message)
            except Exception:
                log.exception("A receiver of the bus failed", subject=message.subject, key=message.key)

    def subscribe(self, subject: Subject, receive: Receiver) -> Callable[[], None]:
        """See `Bus.subscribe`."""
        receivers = self._receivers.setdefault(subject, [])
        receivers.append(receive)

        def end() -> None:
            if receive in receivers:
                receivers.remove(receive)

        return end

    async def close(self) -> None:
        """See `Bus.close`."""
        self._receivers.clear()
