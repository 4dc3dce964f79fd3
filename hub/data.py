"""The data folder: its lock, its keys and the file that points `wsk` here (design §8)."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from hub.settings import SettingsRefused
from hub.storage.sealing import load_or_create_key

KEY_BYTES = 32


class DataFolder:
    """A folder with mode 0700 that one hub holds at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None

    def make(self) -> None:
        """Create it. Raises SettingsRefused when that cannot be done."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise self._refused(f"cannot be made or used ({error.strerror})") from error

    def lock(self) -> None:
        """Take the lock until `unlock` or the end of the process. Raises SettingsRefused when another hub holds it."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._refused(f"cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise self._refused("is in use by a hub that is running") from error
        self._lock = handle

    def unlock(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _refused(self, found: str) -> SettingsRefused:
        return SettingsRefused(f"HUB_DATA (--data) cannot be used: {self.path} {found}. Name another folder, or end what uses this one.")

    @property
    def database_url(self) -> str:
        """Where the database is unless a setting says otherwise."""
        return f"sqlite:///{self.path / 'hub.db'}"

    @property
    def socket(self) -> Path:
        """Where `hub admin` talks to the running hub."""
        return self.path / "admin.sock"

    @property
    def key(self) -> Path:
        """The sealing key."""
        return self.path / "sealing.key"

    def token_secret(self) -> bytes:
        """What the keys of running actions are made with: fresh at every start, since such a key lives no longer than a run."""
        return secrets.token_bytes(KEY_BYTES)

    def tenant_secret(self) -> bytes:
        """What the names of tenants in addresses are made with: made of the sealing key, so that addresses outlive a start."""
        return hmac.new(load_or_create_key(self.key), b"tenants of the gateway", hashlib.sha256).digest()

    def mark(self) -> str:
        """What this hub leaves outside of the folder is known by it: no secret, and no other hub's, wherever its folder is."""
        return hmac.new(load_or_create_key(self.key), b"what a hub leaves behind", hashlib.sha256).hexdigest()[:12]

    def write_wskprops(self, api_host: str, auth: str) -> None:
        """Point `wsk` here: `WSK_CONFIG_FILE=DIR/wskprops wsk list` (0600)."""
        target = self.path / "wskprops"
        fresh = self.path / f"wskprops.{os.getpid()}"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(f"APIHOST={api_host}\nAUTH={auth}\n")
        fresh.replace(target)
