"""The requests with which each client drives a feed, in their order (openwhisk-api §6.2)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.compat.steps import API, parameters

Settings = dict[str, Any]


class Refused(Exception):
    """The client gave up; `answer` is what made it."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.status_code} {answer.text[:300]}")
        self.answer = answer


@dataclass
class Client:
    """What all of them share: a key, the namespace written in `triggerName`, and one blocking call of the feed action."""

    http: httpx.Client
    key: str
    namespace: str = "_"
    sent: list[str] = field(default_factory=list)
    """Verb and path of every request, for a look at their order."""

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request below the own namespace, or to a full path."""
        self.sent.append(f"{method} {path.partition('?')[0]}")
        return self.http.request(method, path if path.startswith("/") else f"{API}/{path}", **more)

    def call(self, feed: str, event: str, trigger: str, settings: Settings, *, query: str = "") -> httpx.Response:
        """The life-cycle call. Raises Refused for an error, and for an answer that did not come in time."""
        namespace, _, path = feed.removeprefix("/").partition("/")
        body = {**settings, "authKey": self.key, "lifecycleEvent": event, "triggerName": f"/{self.namespace}/{trigger}"}
        answer = self.request("POST", f"/api/v1/namespaces/{namespace}/actions/{path}?blocking=true{query}", json=body)
        if answer.status_code != 200 or not answer.json()["response"]["success"]:
            raise Refused(answer)
        return answer

    def feed_of(self, trigger: str) -> str | None:
        """GET of the trigger; the feed it names. Raises Refused when there is no such trigger."""
        answer = self.request("GET", f"triggers/{trigger}")
        if answer.status_code != 200:
            raise Refused(answer)
        return next((str(item["value"]) for item in answer.json()["annotations"] if item["key"] == "feed"), None)

    def put(self, trigger: str, body: Settings, *, overwrite: bool) -> httpx.Response:
        """PUT of the trigger. Raises Refused."""
        answer = self.request("PUT", f"triggers/{trigger}?overwrite={str(overwrite).lower()}", json={"name": trigger, **body})
        if answer.status_code != 200:
            raise Refused(answer)
        return answer


class Wsk(Client):
    """`wsk trigger …`."""

    def create(
        self, trigger: str, feed: str, settings: Settings, *, own: Settings | None = None, annotations: Settings | None = None
    ) -> httpx.Response:
        """`create --feed`: settings from `-p` or `-F`, `own` parameters of the trigger from `-T`; after an error all is taken back."""
        body: Settings = {"annotations": parameters(**(annotations or {}), feed=feed)}
        if own:
            body["parameters"] = parameters(**own)
        self.put(trigger, body, overwrite=False)
        try:
            return self.call(feed, "CREATE", trigger, settings, query="&result=false")
        except Refused:
            self.delete(trigger, settings)
            raise

    def get(self, trigger: str) -> httpx.Response:
        """`get`: of a fed trigger, the record of READ."""
        feed = self.feed_of(trigger)
        return self.call(feed, "READ", trigger, {}, query="&result=false") if feed else self.request("GET", f"triggers/{trigger}")

    def update(self, trigger: str, settings: Settings) -> httpx.Response:
        """`update -p` of a fed trigger: only the feed is told."""
        feed = self.feed_of(trigger)
        return self.call(feed or "", "UPDATE", trigger, settings, query="&result=false")

    def update_both(self, trigger: str, settings: Settings, own: Settings) -> httpx.Response:
        """`update -F … -T …`: first the trigger, then the feed."""
        feed = self.feed_of(trigger)
        self.put(trigger, {"parameters": parameters(**own)}, overwrite=True)
        return self.call(feed or "", "UPDATE", trigger, settings, query="&result=false")

    def delete(self, trigger: str, settings: Settings | None = None) -> httpx.Response:
        """`delete`: the feed first, whatever it says, then the trigger in any case."""
        feed = self.feed_of(trigger)
        if feed:
            with contextlib.suppress(Refused):
                self.call(feed, "DELETE", trigger, settings or {}, query="&result=false")
        return self.request("DELETE", f"triggers/{trigger}")


class Js(Client):
    """`feeds.*` of the npm client: the trigger is nobody's business."""

    def lifecycle(self, event: str, trigger: str, feed: str, settings: Settings) -> httpx.Response:
        """`feeds.create`, `get`, `update` or `delete`: one call."""
        return self.call(feed, event, trigger, settings)


class Aio(Client):
    """`aio rt trigger …`."""

    def create(self, trigger: str, feed: str, settings: Settings) -> httpx.Response:
        """PUT with a stray member, DELETE that may fail, CREATE; after an error the trigger goes."""
        self.put(trigger, {"feed": feed, "annotations": parameters(feed=feed)}, overwrite=False)
        with contextlib.suppress(Refused):
            self.call(feed, "DELETE", trigger, {})
        try:
            return self.call(feed, "CREATE", trigger, settings)
        except Refused:
            self.request("DELETE", f"triggers/{trigger}")
            raise

    def delete(self, trigger: str) -> httpx.Response:
        """The feed first; what it refuses ends it."""
        feed = self.feed_of(trigger)
        if feed:
            self.call(feed, "DELETE", trigger, {})
        return self.request("DELETE", f"triggers/{trigger}")


class Wskdeploy(Client):
    """`wskdeploy` and `wsk project deploy`."""

    def deploy(self, trigger: str, feed: str, inputs: Settings) -> httpx.Response:
        """What was there is taken down first; public, without parameters; after an error the trigger goes, twice."""
        with contextlib.suppress(Refused):
            if self.feed_of(trigger):
                self.call(feed, "DELETE", trigger, {})
        self.put(trigger, {"publish": True, "annotations": parameters(feed=feed)}, overwrite=True)
        try:
            return self.call(feed, "CREATE", trigger, inputs)
        except Refused:
            self.request("DELETE", f"triggers/{trigger}")
            self.request("DELETE", f"triggers/{trigger}")
            raise

    def export(self, trigger: str) -> Any:
        """`export`: the result of READ; its `config` becomes the inputs."""
        namespace, _, path = (self.feed_of(trigger) or "").removeprefix("/").partition("/")
        body = {"authKey": self.key, "lifecycleEvent": "READ", "triggerName": f"/{self.namespace}/{trigger}"}
        return self.request("POST", f"/api/v1/namespaces/{namespace}/actions/{path}?blocking=true&result=true", json=body).json()

    def undeploy(self, trigger: str) -> httpx.Response:
        """GET, the feed, the trigger."""
        feed = self.feed_of(trigger)
        if feed:
            self.call(feed, "DELETE", trigger, {})
        return self.request("DELETE", f"triggers/{trigger}")
