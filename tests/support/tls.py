"""One TLS set-up for all clients of the tests: reading the authorities anew takes each client 40 ms."""

from __future__ import annotations

import ssl

TLS = ssl.create_default_context()
