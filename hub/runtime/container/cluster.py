"""How the API of a Kubernetes cluster is reached: with the account of the pod that the hub runs in, or as a kubeconfig says."""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import yaml

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its token and the authority of the cluster (Kubernetes, "Accessing the API from a Pod")."""
_INSIDE = "https://kubernetes.default.svc"
_FRESH_SECONDS = 60.0


class NoCluster(Exception):
    """Where the cluster is cannot be told, in words."""


class TokenFile(httpx.Auth):
    """A token that is changed while the hub runs: read again every minute."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = ""
        self._until = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`."""
        if time.monotonic() >= self._until:
            self._token = self._path.read_text().strip()
            self._until = time.monotonic() + _FRESH_SECONDS
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


class Token(httpx.Auth):
    """A token that stays."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`."""
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


class Cluster:
    """Makes clients of one API server."""

    def __init__(self, server: str, tls: ssl.SSLContext, auth: httpx.Auth | None) -> None:
        self.server = server.rstrip("/")
        self._tls = tls
        self._auth = auth

    @classmethod
    def of_pod(cls) -> Cluster:
        """The one that the hub runs in. Raises NoCluster."""
        try:
            tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
            return cls(_INSIDE, tls, TokenFile(ACCOUNT / "token"))
        except OSError as error:
            raise NoCluster(f"the hub runs in no pod with a service account: {ACCOUNT} {(error.strerror or '').lower()}") from error

    @classmethod
    def of_kubeconfig(cls, path: Path, context: str = "") -> Cluster:
        """The one that a file names. Raises NoCluster."""
        try:
            document = yaml.safe_load(path.read_text())
            chosen = _named(document, "contexts", context or document["current-context"])["context"]
            place = _named(document, "clusters", chosen["cluster"])["cluster"]
            user = _named(document, "users", chosen["user"]).get("user") or {}
            return cls(place["server"], _tls(path.parent, place, user), _auth(path.parent, user))
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise NoCluster(f"{path} cannot be used: {str(error).splitlines()[0]}") from error

    def client(self, path: str, *, expiry: float | None = None) -> httpx.AsyncClient:
        """A client with the account's rights, for what is below a path. It has no time-out: each call has its own."""
        transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None, keepalive_expiry=expiry), verify=self._tls)
        base_url = f"{self.server}{path}"
        return httpx.AsyncClient(transport=transport, base_url=base_url, auth=self._auth, timeout=None, trust_env=False)  # noqa: S113 - as it says


def _named(document: dict[str, Any], what: str, name: str) -> dict[str, Any]:
    for row in document.get(what) or ():
        if row["name"] == name:
            return dict(row)
    raise ValueError(f"there is no {name} among its {what}")


def _tls(folder: Path, place: dict[str, Any], user: dict[str, Any]) -> ssl.SSLContext:
    authority = place.get("certificate-authority-data")
    tls = ssl.create_default_context(
        cadata=base64.b64decode(authority).decode() if authority else None,
        cafile=str(folder / place["certificate-authority"]) if place.get("certificate-authority") else None,
    )
    if place.get("insecure-skip-tls-verify"):
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if user.get("client-certificate"):
        tls.load_cert_chain(folder / user["client-certificate"], folder / user["client-key"])
    elif user.get("client-certificate-data"):
        _load_data(tls, user["client-certificate-data"], user["client-key-data"])
    return tls


def _load_data(tls: ssl.SSLContext, certificate: str, key: str) -> None:
    """The library reads files only: they are there for a moment, for nobody else."""
    with tempfile.NamedTemporaryFile(mode="wb", prefix="whiskhub-") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(base64.b64decode(certificate) + b"\n" + base64.b64decode(key))
        file.flush()
        tls.load_cert_chain(file.name)


def _auth(folder: Path, user: dict[str, Any]) -> httpx.Auth | None:
    if user.get("token"):
        return Token(user["token"])
    if user.get("tokenFile"):
        return TokenFile(folder / user["tokenFile"])
    if user.get("username"):
        return httpx.BasicAuth(user["username"], user["password"])
    if "exec" in user or "auth-provider" in user:
        raise ValueError("its user asks a program for credentials; give the hub a token or a certificate of its own")
    return None
