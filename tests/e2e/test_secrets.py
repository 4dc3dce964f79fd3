"""Parameters: in clear for their owner, write-only when they are secret, keys only for strangers (design §9 "Secrets")."""

from __future__ import annotations

import httpx

from tests.e2e.steps import API, invoke
from tests.support.hubs import Hub
from tests.support.tls import TLS

CANARY = "canary-okapi-55aa"
DECLARED = [{"key": "parameters", "value": [{"name": "token", "type": "password"}]}]
CODE = {"kind": "python:3", "code": "def main(args):\n    return {'length': len(args['token']), 'plain': args['plain']}\n"}


def test_a_secret_parameter_is_write_only(hub: Hub) -> None:
    """A marker stands for it; the marker sent back keeps it; the action gets it."""
    parameters = [{"key": "token", "value": CANARY}, {"key": "plain", "value": "seen"}]
    with hub.http as http:
        made = http.put(
            f"{API}/actions/secret-parameter?overwrite=true", json={"exec": CODE, "parameters": parameters, "annotations": DECLARED}
        )
        assert made.status_code == 200, made.text
        read = http.get(f"{API}/actions/secret-parameter")
        assert read.status_code == 200, read.text
        http.put(f"{API}/actions/secret-parameter?overwrite=true", json={"parameters": read.json()["parameters"]}).raise_for_status()

    assert CANARY not in made.text + read.text
    assert {row["key"]: row["value"] for row in read.json()["parameters"]} == {"token": {"$sealed": True}, "plain": "seen"}
    assert invoke(hub, "secret-parameter") == {"length": len(CANARY), "plain": "seen"}


def test_strangers_see_the_keys_of_a_public_package(hub: Hub) -> None:
    """Never its values; what they bind themselves they see."""
    stranger = hub.command("admin", "user", "create", "stranger-1").stdout.strip().split(":")
    with hub.http as http:
        http.put(
            f"{API}/packages/shared?overwrite=true", json={"publish": True, "parameters": [{"key": "plain", "value": CANARY}]}
        ).raise_for_status()
        http.put(
            f"{API}/actions/shared/act?overwrite=true", json={"exec": CODE, "parameters": [{"key": "own", "value": CANARY}]}
        ).raise_for_status()
    with httpx.Client(base_url=hub.address, auth=(stranger[0], stranger[1]), trust_env=False, verify=TLS) as other:
        bound = [{"key": "plain", "value": "mine"}]
        other.put(
            "/api/v1/namespaces/_/packages/b", json={"binding": {"namespace": "guest", "name": "shared"}, "parameters": bound}
        ).raise_for_status()
        seen = [
            other.get(f"/api/v1/namespaces/{path}")
            for path in ("guest/packages/shared", "guest/actions/shared/act", "_/packages/b", "_/actions/b/act")
        ]

    assert all(answer.status_code == 200 for answer in seen)
    assert CANARY not in "".join(answer.text for answer in seen)
    assert "mine" in seen[2].text
    assert "mine" in seen[3].text
