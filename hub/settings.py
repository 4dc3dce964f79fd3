"""Every setting of the hub, in one typed object.

Values come from `HUB_…` environment variables (groups with `__`: `HUB_LIMITS__FIRES_PER_MINUTE`) or `DIR/hub.toml`; the command line
wins over both. Nothing else in the hub reads the environment. A new setting goes into the group it belongs to, with a sentence; a test
compares `hub/docs/settings.md` with this file.
"""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

ROLES = ("api", "invoker", "feeds", "catalog")


def _seconds(value: Any) -> Any:
    """Digits alone are seconds, which the library knows of numbers only."""
    return float(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]


class Limits(BaseModel):
    """What a namespace may ask for unless its own limits say otherwise."""

    invocations_per_minute: int = Field(60, ge=0, description="Invocations a minute of one namespace; 0 refuses all.")
    fires_per_minute: int = Field(60, ge=0, description="Trigger fires a minute of one namespace; 0 refuses all.")
    concurrent_invocations: int = Field(30, ge=0, description="Invocations of one namespace at a time; 0 refuses all.")
    max_action_memory: int = Field(512, ge=128, description="Most memory an action may ask for, in MB.")
    max_action_timeout: int = Field(300_000, ge=100, description="Longest time limit an action may ask for, in milliseconds.")
    max_action_logs: int = Field(10, ge=0, description="Most log output an action may ask for, in MB.")
    max_action_concurrency: int = Field(200, ge=1, description="Most runs at a time that an action may ask for in one process.")
    allowed_kinds: str = Field(
        "", description="Comma-separated kinds that every namespace may use beside its own `allowedKinds`; empty in both: all kinds."
    )
    memory: int = Field(
        1024, ge=256, description="Memory of the hub itself, in MB, above which calls and fires that would have to wait are refused."
    )
    key_grace: Duration = Field(
        timedelta(days=7), description="How long a replaced key may still fire triggers, so that feeds can be given the new one."
    )
    payload: int = Field(1_048_576, ge=1024, description="Largest payload of an invocation or a fire, in bytes.")


class Invoke(BaseModel):
    """How calls are carried out."""

    blocking_wait: Duration = Field(timedelta(seconds=60), description="Longest a blocking call waits before it is answered 202.")


class Runtime(BaseModel):
    """How action processes are kept."""

    memory: int = Field(2048, ge=128, description="Memory for action processes altogether, in MB, counted by their limits.")
    idle: Duration = Field(timedelta(minutes=10), description="How long an unused action process stays warm.")
    level: int | None = Field(
        None,
        ge=0,
        le=4,
        description="Highest isolation level of actions to use, 0 to 4; empty: the highest that holds. "
        "0 is none, for your own code on loopback.",
    )
    accept_level: int | None = Field(
        None, ge=0, le=4, description="Lowest isolation level to start with when it is lower than at the last start; empty: none."
    )
    toolchains: Path | None = Field(
        None, description="Folder for what the programs of a compiled language share; empty: `toolchains` in the data folder."
    )
    strangers_behind_fence_until: date | None = Field(
        None,
        description="Last day (UTC, YYYY-MM-DD) on which packages of other publishers run at isolation level 2; "
        "pages and `/ready` say so as long.",
    )
    node: str = Field("", description="Path of the Node.js program; empty: the machine's, else the one installed with the hub.")
    manifest: Path | None = Field(
        None, description="A file in the format of OpenWhisk's `runtimes.json`: the images of kinds where actions run in containers."
    )
    runtime_class: str = Field(
        "", description="Runtime class of pods, or OCI runtime of Docker containers, such as one with a kernel of its own."
    )


class Builds(BaseModel):
    """How what actions depend on is built."""

    python_index: str = Field("", description="Index of Python packages (simple repository); empty: what pip of this machine uses.")
    npm_registry: str = Field("", description="Registry of npm packages; empty: what npm of this machine uses.")
    wait: Duration = Field(timedelta(seconds=50), description="Longest a PUT of an action waits for its build before it is answered.")
    disk: int = Field(4 * 1024**3, ge=0, description="Bytes that all layers may take; nothing more is built beyond.")


class Outbound(BaseModel):
    """Where the hub may go on behalf of users."""

    allow: str = Field(
        "", description="Inside addresses that feeds, connections and actions may reach: comma-separated `host-or-CIDR[:port]`."
    )


class Retention(BaseModel):
    """How long finished things are kept."""

    activations: Duration = Field(timedelta(days=7), description="How long activation records are kept.")
    logs: Duration = Field(timedelta(days=7), description="How long the log lines of activations are kept.")
    events: Duration = Field(timedelta(days=7), description="How long accepted events are kept.")
    disk_free: int = Field(
        2 * 1024**3, ge=0, description="Bytes that stay free on the data folder's disk: below it the oldest finished records go first."
    )


class Tls(BaseModel):
    """Serving https directly."""

    cert: Path | None = Field(None, description="Certificate chain in PEM; with it the hub speaks https.")
    key: Path | None = Field(None, description="Private key of the certificate, in PEM.")


class Log(BaseModel):
    """What the hub writes about itself."""

    level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least level that is written: debug, info, warning or error."
    )
    format: str = Field("auto", pattern="^(auto|text|json)$", description="text for people, json for machines, auto: text on a terminal.")


class Settings(BaseSettings):
    """All settings, read once at start."""

    model_config = SettingsConfigDict(env_prefix="HUB_", env_nested_delimiter="__", extra="ignore")

    data: Path = Field(Path("~/.whiskhub"), description="The data folder.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(3233, ge=0, le=65535, description="Port to listen on; 0 takes a free one and writes it to `wskprops`.")
    roles: str = Field(",".join(ROLES), description="Comma-separated parts of the hub that run in this process.")
    base_url: str = Field(
        "", description="Address under which others reach the hub; hooks and links are built from it. Empty: the address it listens on."
    )
    database_url: str = Field("", description="`sqlite:///PATH` or `postgresql://…`; empty: `hub.db` in the data folder.")
    bus_url: str = Field("local:", description="How the parts ring each other: `local:` inside one process.")
    blobs_url: str = Field("", description="Where large bytes are kept: `file:PATH`; empty: `blobs` in the data folder.")
    runtime_url: str = Field(
        "process:", description="What runs actions: `process:` for cells, `docker:` or `kubernetes:NAMESPACE` for containers."
    )
    packages_dir: Path | None = Field(None, description="A folder with a `catalog.yaml` of more built-in packages.")
    feeds_dir: Path | None = Field(None, description="A folder with more feed providers.")
    trusted_proxies: str = Field("", description="Comma-separated addresses of proxies whose forwarding headers are believed.")
    limits: Limits = Limits()
    invoke: Invoke = Invoke()
    runtime: Runtime = Runtime()
    builds: Builds = Builds()
    outbound: Outbound = Outbound()
    retention: Retention = Retention()
    tls: Tls = Tls()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, then environment, then `DIR/hub.toml`."""
        del dotenv_settings, file_secret_settings
        data = init_settings().get("data") or env_settings().get("data") or Path("~/.whiskhub")
        toml = TomlConfigSettingsSource(settings_cls, Path(str(data)).expanduser() / "hub.toml")
        return init_settings, env_settings, toml


class SettingsRefused(Exception):
    """A setting cannot be used; the message names it, what was found, and what to write instead."""


def load_settings(**overrides: Any) -> Settings:
    """Read all settings; None among `overrides` means not given. Raises SettingsRefused with one sentence."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = "HUB_" + "__".join(str(part).upper() for part in first["loc"])
        message = f"{name} cannot be used: found {first.get('input')!r}; {first['msg'].lower()}."
        raise SettingsRefused(message) from error
    except tomllib.TOMLDecodeError as error:
        message = f"hub.toml in the data folder cannot be read: {error}. Mend it, or remove it to start with the defaults."
        raise SettingsRefused(message) from error
