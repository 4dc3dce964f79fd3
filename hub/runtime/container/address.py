"""Where an engine is, as `HUB_RUNTIME_URL` says it."""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec

from hub.runtime.container.engine import EngineRefused

SETTING = "HUB_RUNTIME_URL"
WRITE_DOCKER = "docker:, docker:unix:///PATH or docker:tcp://HOST:PORT"
WRITE_KUBERNETES = "kubernetes:NAMESPACE"
_SOCKET = "/var/run/docker.sock"
_LOOPBACK = ("127.", "localhost", "::1")


class DockerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A socket file, or a host and a port; `network` is one that the operator made."""

    socket: str = ""
    host: str = ""
    port: int = 0
    network: str = ""

    @classmethod
    def parse(cls, url: str) -> DockerAddress:
        """Raises EngineRefused for what names no engine."""
        place, options = _parts(url, "docker", ("network",), WRITE_DOCKER)
        network = options.get("network", "")
        inner = urlsplit(place)
        if not place:
            return cls(socket=_SOCKET, network=network)
        if inner.scheme == "unix" and inner.path.startswith("/") and not inner.netloc:
            return cls(socket=inner.path, network=network)
        if inner.scheme == "tcp" and inner.hostname and _port(inner) and inner.path in {"", "/"}:
            return cls(host=inner.hostname, port=_port(inner), network=network)
        raise refused(url, "is no address of an engine", f"write {WRITE_DOCKER}")

    @property
    def base_url(self) -> str:
        """Where the API is; the host of a socket is only a name."""
        return "http://docker" if self.socket else f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether the engine is on this machine, so that containers can be reached over loopback."""
        return bool(self.socket) or self.host.startswith(_LOOPBACK)

    def refused(self, found: str) -> EngineRefused:
        """Why the engine cannot be used."""
        place = f"docker:unix://{self.socket}" if self.socket else f"docker:tcp://{self.host}:{self.port}"
        way_out = f"Start the Docker Engine there, let the hub's user use it, or write {WRITE_DOCKER}; process: needs no engine"
        return refused(place, f"where no engine can be used ({found})", way_out)


class KubernetesAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace; `kubeconfig` is the path of a file that says where the cluster is, empty inside of it.

    `proxied` says that pods are reached through the API server, since their own addresses are not reachable from here.
    """

    namespace: str
    kubeconfig: str = ""
    context: str = ""
    proxied: bool = False

    @classmethod
    def parse(cls, url: str) -> KubernetesAddress:
        """Raises EngineRefused for what names no cluster. Outside of a cluster pods are reached through the API server."""
        place, options = _parts(url, "kubernetes", ("kubeconfig", "context", "reach"), WRITE_KUBERNETES)
        kubeconfig = options.get("kubeconfig", "")
        reach = options.get("reach", "proxy" if kubeconfig else "pod")
        if not place or not place.replace("-", "").isalnum() or reach not in {"pod", "proxy"}:
            raise refused(url, "does not say which namespace", f"write {WRITE_KUBERNETES}, outside of a cluster with ?kubeconfig=/PATH")
        return cls(namespace=place, kubeconfig=kubeconfig, context=options.get("context", ""), proxied=reach == "proxy")

    def refused(self, found: str) -> EngineRefused:
        """Why the cluster cannot be used."""
        way_out = f"Let the hub's account use pods there, as /docs/containers shows, or write {WRITE_KUBERNETES}; process: needs no cluster"
        return refused(f"kubernetes:{self.namespace}", f"where no pods can be made ({found})", way_out)


def refused(found: str, why: str, way_out: str) -> EngineRefused:
    """In the words of every setting that is refused; `found` must hold no secret."""
    return EngineRefused(f"{SETTING} cannot be used: found {found}, {why}. {way_out[0].upper()}{way_out[1:]}.")


def _parts(url: str, scheme: str, known: tuple[str, ...], wanted: str) -> tuple[str, dict[str, str]]:
    place, _, query = url.removeprefix(f"{scheme}:").partition("?")
    try:
        options = {name: values[-1] for name, values in parse_qs(query, strict_parsing=bool(query)).items()}
    except ValueError as error:
        raise refused(url, "whose options cannot be read", f"write {wanted}") from error
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise refused(url, f"which has no option {unknown[0]}", f"write {wanted}; options are {', '.join(known)}")
    return place, options


def _port(place: SplitResult) -> int:
    try:
        return place.port or 0
    except ValueError:
        return 0
