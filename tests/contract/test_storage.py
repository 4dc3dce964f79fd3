"""The record: one promise, every driver."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.action import Action, CodeExec, SequenceExec
from hub.domain.activation import Activation, Response, Status
from hub.domain.api import Api
from hub.domain.connection import Connection, ConnectionField, ConnectionState, ConnectionType
from hub.domain.entity import Collection, Entity
from hub.domain.errors import Conflict, NotFound
from hub.domain.event import Acceptance, Accepted, Checkpoint, Delivery, Dispatch, Event
from hub.domain.feed import Subscription
from hub.domain.identity import Identity, NamespaceLimits
from hub.domain.names import FullName, new_activation_id
from hub.domain.package import Binding, Package
from hub.domain.parameters import Parameter, Parameters
from hub.domain.release import Install, Release, ReleaseStatus
from hub.domain.rule import Rule
from hub.domain.trigger import Link, Trigger
from hub.storage.base import ActivationFilter, Ending, EntityWrite, Page, RetentionCut, Store

ODD = ["a", "hello world", "ünï", "a&b", "x" * 256, "UPPER", "upper", "a.b-c@d"]
CANARY = "canary-zebra-7f3a91"
ALL = Page(limit=1000)


def action(name: str, package: str | None = None, *, updated: int = 1, **more: object) -> Action:
    exec_ = CodeExec(kind="python:3", code="def main(a): return a")
    return Action(**{"name": FullName("ns", name, package), "updated": updated, "exec": exec_, **more})  # type: ignore[arg-type]


async def put(store: Store, *entities: Entity, expected: int = 0) -> None:
    await store.write_entities([EntityWrite(name=entity.name, expected=expected, entity=entity) for entity in entities])


def activation(name: str = "a", start: int = 1000, path: str | None = None, activation_id: str | None = None) -> Activation:
    return Activation(
        activation_id=activation_id or new_activation_id(),
        namespace="ns",
        name=name,
        path=path or name,
        version="0.0.1",
        subject="s",
        start=start,
        end=start + 1,
        duration=1,
        response=Response(status=Status.SUCCESS, result={"n": 1}),
        logs=("2026-01-01T00:00:00.000000000Z stdout: hi",),
    )


def dispatch(event_id: str | None = None, at: int = 1) -> Dispatch:
    return Dispatch(
        activation_id=new_activation_id(),
        namespace="ns",
        subject="s",
        uuid="u",
        action=FullName("ns", "a"),
        payload={"n": 1},
        at=at,
        event_id=event_id,
        rule="ns/r" if event_id else None,
    )


def acceptance(delivery: Delivery | None = None, checkpoint: Checkpoint | None = None, at: int = 1) -> Acceptance:
    event_id = new_activation_id()
    event = Event(event_id=event_id, namespace="ns", trigger="t", at=at, payload={"n": 1})
    record = msgspec.structs.replace(activation("t", at, activation_id=event_id), end=None, duration=None)
    return Acceptance(event=event, activation=record, dispatches=(dispatch(event_id, at),), delivery=delivery, checkpoint=checkpoint)


def subscription(trigger: str = "t", fence: int = 1, **more: object) -> Subscription:
    return Subscription(
        **{  # type: ignore[arg-type]
            "subscription_id": f"sub-{trigger}",
            "namespace": "ns",
            "subject": "s",
            "uuid": "u",
            "trigger": trigger,
            "feed": "alarms/interval",
            "settings": {"minutes": 1, "password": CANARY},
            "secret_keys": ("password",),
            "fence": fence,
            **more,
        }
    )


def api(base_path: str = "/a", namespace: str = "ns", revision: int = 0, **document: object) -> Api:
    return Api(namespace=namespace, tenant=f"t-{namespace}", base_path=base_path, document=document, updated=1, revision=revision)


def release(name: str = "p", version: str = "1.0.0", digest: str = "d") -> Release:
    return Release(
        namespace="ns",
        name=name,
        version=version,
        digest=digest,
        size=1,
        released=1,
        publisher="s",
        serial=0,
        document={"description": "x"},
    )


# Entities


@pytest.mark.parametrize("name", ODD)
async def test_what_is_put_is_what_is_read(store: Store, name: str) -> None:
    """Whatever the name, in a package or not."""
    entities = [
        action(name, "pkg", parameters=Parameters.of([Parameter(key="k", value={"deep": [1, None, "ü"]}, init=True)])),
        Package(name=FullName("ns", name), publish=True, binding=Binding("other", "b"), parameters=Parameters.of({"p": 1})),
    ]
    await put(store, *entities)

    for entity in entities:
        assert await store.get_entity(entity.name) == msgspec.structs.replace(entity, revision=1)


async def test_all_four_kinds_share_one_key_space(store: Store) -> None:
    """A name that is taken by a trigger cannot be given to a rule."""
    await put(store, Trigger(name=FullName("ns", "x"), rules={"ns/r": Link(action=FullName("ns", "a"), active=False)}))
    with pytest.raises(Conflict):
        await put(store, Rule(name=FullName("ns", "x"), trigger=FullName("ns", "t"), action=FullName("ns", "a")))

    assert isinstance(await store.get_entity(FullName("ns", "x")), Trigger)
    assert await store.get_entity(FullName("ns", "nothing")) is None


async def test_lists_are_newest_first_and_paged(store: Store) -> None:
    """By collection, by package, by whether they are public."""
    await put(store, *(action(f"a{number}", updated=number) for number in range(5)), action("b", "pkg", updated=9))
    await put(
        store,
        Package(name=FullName("ns", "pkg"), publish=True),
        Package(name=FullName("ns", "bound"), publish=True, binding=Binding("o", "b")),
    )
    names = [entity.name.path for entity in await store.list_entities("ns", Collection.ACTIONS, page=Page(limit=3, skip=1))]
    packaged = await store.list_entities("ns", Collection.ACTIONS, package="pkg", page=ALL)
    public = await store.list_entities("ns", Collection.PACKAGES, published=True, page=ALL)

    assert names == ["a4", "a3", "a2"]
    assert [entity.name.path for entity in packaged] == ["pkg/b"]
    assert [entity.name.name for entity in public] == ["pkg"]
    assert await store.count_entities("ns", Collection.ACTIONS) == 6
    assert await store.count_entities("ns", Collection.ACTIONS, package="pkg") == 1
    assert await store.list_entities("else", Collection.ACTIONS, page=ALL) == []


async def test_of_two_writers_with_one_revision_one_wins(store: Store) -> None:
    """The other is told of the conflict; nothing is lost silently."""
    await put(store, action("a"))
    changes = [action("a", updated=number, exec=SequenceExec(components=(FullName("ns", str(number)),))) for number in range(8)]
    answers = await asyncio.gather(*(put(store, change, expected=1) for change in changes), return_exceptions=True)

    assert sum(answer is None for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 7


async def test_several_writes_are_one(store: Store) -> None:
    """One that does not fit undoes the others."""
    await put(store, action("there"))
    with pytest.raises(Conflict):
        await store.write_entities(
            [
                EntityWrite(name=FullName("ns", "new"), expected=0, entity=action("new")),
                EntityWrite(name=FullName("ns", "there"), expected=1, entity=None),
                EntityWrite(name=FullName("ns", "gone"), expected=3, entity=None),
            ]
        )

    assert await store.get_entity(FullName("ns", "new")) is None
    assert await store.get_entity(FullName("ns", "there")) is not None


async def test_a_conflict_does_not_spoil_its_neighbours(store: Store) -> None:
    """Writes that share a commit fail alone."""
    await put(store, action("taken"))
    answers = await asyncio.gather(
        *(put(store, action(f"n{number}" if number % 2 else "taken")) for number in range(20)),
        store.accept(acceptance()),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, Conflict) for answer in answers) == 10
    assert await store.count_entities("ns", Collection.ACTIONS) == 11
    assert len(await store.unfinished()) == 1


# Identities, limits, sessions


async def test_identities_are_found_by_key_namespace_and_subject(store: Store) -> None:
    """With the limits of their namespace; a new key replaces the old one."""
    ann = Identity(subject="ann", namespace="ns", uuid="u1", key="k1", operator=True)
    await store.put_identity(ann)
    await store.put_identity(Identity(subject="bob", namespace="ns", uuid="u2", key="k2"))
    await store.put_limits("ns", NamespaceLimits(fires_per_minute=7))
    await store.put_identity(msgspec.structs.replace(ann, uuid="u3", key="k3"))
    found = await store.get_identity("u3")

    assert found is not None
    assert (found.key, found.operator, found.limits.fires_per_minute) == ("k3", True, 7)
    assert await store.get_identity("u1") is None
    assert [row.subject for row in await store.list_identities(namespace="ns")] == ["ann", "bob"]
    assert [row.namespace for row in await store.list_identities(subject="bob")] == ["ns"]


async def test_subjects_are_blocked_and_deleted(store: Store) -> None:
    """At once, and told how many."""
    for space in ("one", "two"):
        await store.put_identity(Identity(subject="ann", namespace=space, uuid=space, key="k"))

    assert await store.block_subject("ann", blocked=True) == 2
    assert all(row.blocked for row in await store.list_identities(subject="ann"))
    assert await store.delete_identity("ann", "one") == 1
    assert await store.delete_identity("ann") == 1
    assert await store.delete_identity("nobody") == 0


async def test_limits_are_set_and_taken_away(store: Store) -> None:
    """None deletes."""
    assert await store.get_limits("ns") is None
    await store.put_limits("ns", NamespaceLimits(invocations_per_minute=0))
    assert await store.get_limits("ns") == NamespaceLimits(invocations_per_minute=0)
    await store.put_limits("ns", None)
    assert await store.get_limits("ns") is None


async def test_a_link_works_once_and_a_session_until_it_expires(store: Store) -> None:
    """Whoever comes second, or too late, gets nothing."""
    await store.put_session("link", "u", 100)
    await store.put_session("session", "u", 100)

    assert await store.take_session("session", 99, once=False) == "u"
    assert await store.take_session("session", 100, once=False) is None
    assert await store.take_session("link", 50, once=True) == "u"
    assert await store.take_session("link", 50, once=True) is None
    await store.delete_session("session")
    await store.delete_session("session")
    assert await store.take_session("session", 1, once=False) is None


# Work


async def test_an_acceptance_is_one_commit(store: Store) -> None:
    """Event, record and dispatches are there together."""
    taken = acceptance()
    assert await store.accept(taken) == Accepted.NEW
    record = taken.activation

    assert record is not None
    assert await store.get_activation("ns", record.activation_id) == record
    assert await store.unfinished() == list(taken.dispatches)


async def test_a_delivery_is_taken_once(store: Store) -> None:
    """Also when both come in the same commit, and from several callers."""
    delivery = Delivery("hook", "d1")
    together = await store.accept_all([acceptance(delivery), acceptance(delivery), acceptance(Delivery("hook", "d2"))])
    later = await asyncio.gather(*(store.accept(acceptance(Delivery("hook", "d3"))) for _ in range(10)))

    assert together == [Accepted.NEW, Accepted.REPEATED, Accepted.NEW]
    assert await store.accept(acceptance(delivery)) == Accepted.REPEATED
    assert sorted(later) == [Accepted.NEW] + [Accepted.REPEATED] * 9
    assert len(await store.unfinished()) == 3


async def test_a_checkpoint_moves_with_its_events(store: Store) -> None:
    """Fires are counted, repeated ones are not; a checkpoint alone just moves the cursor."""
    await store.put_subscription(subscription())
    for number in (1, 2, 2):
        checkpoint = Checkpoint(subscription_id="sub-t", cursor=str(number), fence=1)
        await store.accept(acceptance(Delivery("sub-t", str(number)), checkpoint))
    await store.accept(Acceptance(checkpoint=Checkpoint(subscription_id="sub-t", cursor="9", fence=1)))
    found = await store.get_subscription("ns", "t")

    assert found is not None
    assert (found.cursor, found.fires) == ("9", 2)


async def test_who_lost_the_fence_writes_nothing(store: Store) -> None:
    """Neither events nor the cursor; nor does anybody for a subscription that is gone."""
    await store.put_subscription(subscription(fence=2, cursor="old"))
    stale = Checkpoint(subscription_id="sub-t", cursor="new", fence=1)
    nobody = Checkpoint(subscription_id="sub-none", cursor="new", fence=1)

    assert await store.accept(acceptance(Delivery("sub-t", "x"), stale)) == Accepted.FENCED
    assert await store.accept(Acceptance(checkpoint=nobody)) == Accepted.FENCED
    found = await store.get_subscription("ns", "t")
    assert found is not None
    assert found.cursor == "old"
    assert await store.unfinished() == []
    assert await store.accept(acceptance(Delivery("sub-t", "x"), Checkpoint(subscription_id="sub-t", cursor="1", fence=2))) == Accepted.NEW


async def test_an_ending_stores_the_record_and_removes_the_dispatch(store: Store) -> None:
    """With the next step, in one commit; an id has one record, the first."""
    first, second = dispatch(at=1), dispatch(at=2)
    await store.accept(Acceptance(dispatches=(first,)))
    record = activation(activation_id=first.activation_id)
    await store.finish([Ending(activation=record, dispatch=True, next=(second,))])
    await store.finish([Ending(activation=msgspec.structs.replace(record, name="other"))])

    assert await store.unfinished() == [second]
    assert await store.get_activation("ns", first.activation_id) == record


async def test_unfinished_work_is_read_back_oldest_first(store: Store) -> None:
    """With how often it was begun; unknown ids do no harm."""
    work = [dispatch(at=at) for at in (3, 1, 2)]
    await store.accept(Acceptance(dispatches=tuple(work)))
    await store.start_dispatches([work[0].activation_id, "0" * 32])
    found = await store.unfinished()

    assert [row.at for row in found] == [1, 2, 3]
    assert [row.started for row in found] == [0, 0, 1]


async def test_many_callers_share_commits(store: Store) -> None:
    """Everything that was answered is there."""
    await asyncio.gather(*(store.accept(acceptance(at=number)) for number in range(300)))
    work = await store.unfinished()
    await asyncio.gather(*(store.finish([Ending(activation=activation(activation_id=row.activation_id), dispatch=True)]) for row in work))

    assert len(work) == 300
    assert await store.unfinished() == []
    assert await store.count_activations("ns", ActivationFilter()) == 600


# Activations


async def test_activations_are_listed_by_start_and_filtered(store: Store) -> None:
    """Newest first; `since` and `upto` are inclusive."""
    rows = [activation("a", start) for start in (1, 2, 3)] + [activation("b", 4, path="pkg/b")]
    await store.finish([Ending(activation=row) for row in rows])
    found = await store.list_activations("ns", ActivationFilter(), Page(limit=2, skip=1))

    assert [row.start for row in found] == [3, 2]
    assert [row.start for row in await store.list_activations("ns", ActivationFilter(since=2, upto=3), ALL)] == [3, 2]
    assert [row.name for row in await store.list_activations("ns", ActivationFilter(path="pkg/b"), ALL)] == ["b"]
    assert await store.list_activations("ns", ActivationFilter(path="b"), ALL) == []
    assert await store.count_activations("ns", ActivationFilter(path="a", since=2)) == 2
    assert await store.get_activation("else", rows[0].activation_id) is None


async def test_retention_takes_old_finished_rows_and_nothing_unfinished(store: Store) -> None:
    """In small batches; logs may go before the record."""
    old = [acceptance() for _ in range(5)]
    for taken in old:
        await store.accept(taken)
    await store.finish(
        [Ending(activation=activation("a", 1, activation_id=taken.dispatches[0].activation_id), dispatch=True) for taken in old[:3]]
    )
    later = 2**42
    logs = await store.sweep(RetentionCut(logs_before=later))
    records = await store.list_activations("ns", ActivationFilter(), ALL)
    first = await store.sweep(RetentionCut(activations_before=later, batch=4))
    while await store.sweep(RetentionCut(activations_before=later, events_before=later, deliveries_before=later)):
        pass

    assert logs == 8
    assert not any(row.logs for row in records)
    assert first == 4
    assert {row.activation_id for row in await store.list_activations("ns", ActivationFilter(), ALL)} == {
        taken.activation.activation_id for taken in old[3:] if taken.activation
    }
    assert len(await store.unfinished()) == 2


# Feeds, connections, installs, catalog


async def test_subscriptions_are_found_by_trigger_and_by_hook(store: Store) -> None:
    """One for a trigger; a new one replaces it."""
    await store.put_subscription(subscription("b", hook="h1"))
    await store.put_subscription(subscription("a"))
    await store.put_subscription(subscription("b", subscription_id="newer", hook="h2", cursor="c", fires=3))

    assert await store.get_subscription_by_hook("h1") is None
    assert await store.get_subscription_by_hook("h2") == await store.get_subscription("ns", "b")
    assert [row.trigger for row in await store.list_subscriptions()] == ["a", "b"]
    assert await store.list_subscriptions(namespace="else") == []
    assert await store.delete_subscription("ns", "a")
    assert not await store.delete_subscription("ns", "a")


@pytest.mark.parametrize("name", ODD)
async def test_apis_are_kept_by_namespace_and_base_path(store: Store, name: str) -> None:
    """Found by namespace or by tenant, whatever their base path."""
    for one in (api(f"/{name}", deep={"key": [1, None, "ü"]}), api("/", "other"), api("/z")):
        await store.put_api(one)

    assert await store.get_api("ns", f"/{name}") == api(f"/{name}", revision=1, deep={"key": [1, None, "ü"]})
    assert await store.get_api("ns", "/nothing") is None
    assert [one.base_path for one in await store.list_apis(namespace="ns")] == sorted([f"/{name}", "/z"])
    assert await store.list_apis(tenant="t-other") == [api("/", "other", revision=1)]
    assert await store.list_apis(tenant="t-nobody") == []
    assert len(await store.list_apis()) == 3


async def test_an_api_is_changed_by_one_writer_at_a_time(store: Store) -> None:
    """Whoever has an old revision is told; nothing of theirs is kept."""
    outcomes = await asyncio.gather(*(store.put_api(api(writer=number)) for number in range(5)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 4 + ["NoneType"]
    await store.put_api(api(revision=1, second=True))
    for stale in (api(revision=1), api(revision=3), api("/gone", revision=1)):
        with pytest.raises(Conflict):
            await store.put_api(stale)
        with pytest.raises(Conflict):
            await store.delete_api(stale)

    assert await store.get_api("ns", "/a") == api(revision=2, second=True)
    await store.delete_api(api(revision=2))
    assert await store.list_apis() == []


async def test_connections_and_installs_have_unique_names(store: Store) -> None:
    """Two of one name in a namespace are a conflict."""
    field = ConnectionField(name="password", secret=True)
    kind = ConnectionType(name="c", type="basic", fields=(field,))
    made = Connection(
        connection_id="1",
        namespace="ns",
        name="main",
        package="ns/p",
        type=kind,
        fields={"password": CANARY},
        state=ConnectionState.OK,
        changed=1,
    )
    await store.put_connection(made)
    with pytest.raises(Conflict):
        await store.put_connection(msgspec.structs.replace(made, connection_id="2"))
    install = Install(
        install_id="1", namespace="ns", package="ns/p", name="i", version="1.0.0", digest="d", installed=1, connections={"c": "main"}
    )
    await store.put_install(install)
    with pytest.raises(Conflict):
        await store.put_install(msgspec.structs.replace(install, install_id="2"))

    assert await store.get_connection("ns", "main") == made
    assert [row.name for row in await store.list_connections("ns")] == ["main"]
    assert await store.get_install("ns", "i") == install
    assert [row.name for row in await store.list_installs("ns")] == ["i"]
    assert await store.delete_connection("ns", "main")
    assert await store.delete_install("ns", "i")
    assert not await store.delete_install("ns", "i")


async def test_a_release_never_changes_and_serials_grow(store: Store) -> None:
    """The same bytes again are the same release; other bytes are a conflict."""
    first = await store.add_release(release())
    second = await store.add_release(release(version="1.1.0"))
    assert await store.add_release(release()) == first
    with pytest.raises(Conflict):
        await store.add_release(release(digest="other"))
    yanked = await store.set_release_status(msgspec.structs.replace(first, status=ReleaseStatus.YANKED))
    with pytest.raises(NotFound):
        await store.set_release_status(release(name="nobody"))

    assert first.serial < second.serial < yanked.serial
    assert [row.version for row in await store.releases_since(first.serial, 10)] == ["1.1.0", "1.0.0"]
    assert {row.version for row in await store.list_releases("ns", "p")} == {"1.0.0", "1.1.0"}
    assert await store.get_release("ns", "p", "2.0.0") is None


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40), number=st.integers(-(2**63), 2**63 - 1))
def test_any_value_survives(text: str, number: int) -> None:
    """JSON values of any shape come back as they were (mapping, without a database)."""
    from hub.storage import mapping
    from hub.storage.sealing import KeySealer

    sealer = KeySealer(b"x" * 32)
    key = sealer.unwrapped("ns", sealer.fresh("ns"))
    entity = action("a", parameters=Parameters.of({"k": {text: [number, text, None, True]}}))
    row = mapping.entity_to_row(entity, lambda _: key)

    assert mapping.entity_from_row(row["collection"], row["document"], lambda _: key) == entity


async def test_secrets_are_sealed_at_rest(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Parameters, keys, settings and fields of connections are in no file, log of the database included."""
    await put(store, action("a", parameters=Parameters.of({"token": CANARY})))
    await store.put_subscription(subscription())
    await store.put_identity(Identity(subject="s", namespace="ns", uuid="u", key=CANARY))
    await store.put_api(api(key=CANARY))
    await store.close()
    await store.open()
    found = await store.get_entity(FullName("ns", "a"))

    assert isinstance(found, Action)
    assert found.parameters.get("token") == CANARY
    folder = tmp_path if request.node.callspec.params["store"] == "sqlite" else tmp_path.parent
    files = [file for file in folder.rglob("*") if file.is_file() and file.stat().st_size < 64_000_000]
    assert not [file for file in files if CANARY.encode() in file.read_bytes()]
