"""From the files of a package folder to its manifests, with everything that is wrong with them and where (packages-and-feeds §11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from hub.domain.connection import ConnectionField, ConnectionType
from hub.domain.manifest import (
    Input,
    ManifestAction,
    ManifestFeed,
    ManifestRule,
    ManifestSequence,
    ManifestTrigger,
    PackageManifest,
    Sample,
)
from hub.domain.parameters import Json
from hub.domain.release import Finding, Severity
from hub.wire.code import KINDS
from hub.wire.yamltree import UPLOADED, BadYaml, Tree, parse

MANIFESTS = ("manifest.yaml", "manifest.yml")
HUB = "hub.yaml"
TYPES = {
    **dict.fromkeys(("string",), ("string", "")),
    **dict.fromkeys(("integer", "int", "int8", "int16", "int32", "int64"), ("integer", 0)),
    **dict.fromkeys(("float", "float32", "float64", "number"), ("number", 0.0)),
    **dict.fromkeys(("boolean", "bool"), ("boolean", False)),
    **dict.fromkeys(("json", "map", "object"), ("json", {})),
    **dict.fromkeys(("slice", "array"), ("array", [])),
    "password": ("password", ""),
}
LONG_FORM = {"type", "description", "value", "required", "default", "status", "schema", "secret"}
_KEYS = {
    "root": {"project", "packages", "filepath"},
    "project": {"name", "namespace", "credential", "apiHost", "apigwAccessToken", "version", "packages", "inputs", "config"},
    "package": {
        *("name", "version", "license", "public", "repositories", "dependencies", "namespace", "credential", "apiHost", "apigwAccessToken"),
        *("actions", "triggers", "feeds", "rules", "inputs", "sequences", "description", "annotations", "apis"),
    },
    "action": {
        *("name", "location", "version", "function", "code", "runtime", "namespace", "credential", "exposedUrl", "web-export", "web"),
        *("main", "docker", "native", "conductor", "limits", "inputs", "outputs", "description", "annotations", "include", "exclude"),
    },
    "limits": {"timeout", "memorySize", "logSize", "concurrentActivations", "userInvocationRate", "codeSize", "parameterSize"},
    "sequence": {"actions", "web", "annotations"},
    "trigger": {"name", "feed", "source", "namespace", "credential", "inputs", "description", "annotations"},
    "rule": {"name", "trigger", "action", "rule", "description", "annotations"},
    "dependency": {"version", "location", "inputs", "annotations"},
    "api operation": {"method", "response"},
    "hub": {
        "category",
        "keywords",
        "source",
        "capabilities",
        "connections",
        "connection",
        "feeds",
        "requires",
        "actions",
        "mocks",
        "changes",
        "project",
    },
}
_SPECIFIED_ONLY = {"feed", "final", "raw-http", "kind", "displayName", "compositions", "events"}
REMOTE = ("http://", "https://")
_LATER = {"dependencies": "dependencies", "apis": "APIs"}
_VARIABLE = re.compile(r"\$\{?\w")
_LISTING = re.compile(r"[^a-z0-9]+")


class Reading(NamedTuple):
    """What was read, and every finding about it."""

    manifests: tuple[PackageManifest, ...]
    findings: tuple[Finding, ...]


class Root(NamedTuple):
    """The top of a manifest."""

    packages: Tree
    project: dict[str, Tree]


class ManifestReader:
    """Reads one folder; findings are gathered, never raised."""

    kinds: Mapping[str, str] = KINDS
    bounds = UPLOADED

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        self.file = next((name for name in MANIFESTS if name in files), "manifest.yaml")
        self.findings: list[Finding] = []

    def say(self, code: str, message: str, line: int | None, way_out: str = "", *, warning: bool = False, file: str = "") -> None:
        """Gather a finding."""
        severity = Severity.WARNING if warning else Severity.ERROR
        self.findings.append(Finding(code=code, message=message, file=file or self.file, line=line, severity=severity, way_out=way_out))

    def tree(self, name: str) -> Tree | None:
        """A file as a map; None, with a finding, when it is none."""
        try:
            tree = parse(self.files[name], self.bounds)
        except BadYaml as error:
            self.say("yaml", str(error), error.line, "Mend the file; wskdeploy would refuse it too.", file=name)
            return None
        if not tree.is_map:
            self.say("yaml", "the file holds no keys", tree.line, "Begin with `packages:`.", file=name)
            return None
        return tree

    def known(self, tree: Tree, kind: str, what: str, file: str = "") -> dict[str, Tree]:
        """The members of a map; unknown keys are findings."""
        if not tree.is_map and not tree.is_null:
            self.say("shape", f"{what} must be a map of keys", tree.line, file=file)
            return {}
        members = tree.members()
        for name in members:
            if name in _KEYS[kind]:
                continue
            line = tree.key_line(name)
            if name in _SPECIFIED_ONLY:
                self.say(
                    "unknown_key",
                    f"{what} has the key {name!r}, which wskdeploy refuses",
                    line,
                    "Use an annotation.",
                    warning=True,
                    file=file,
                )
            else:
                self.say(
                    "unknown_key", f"{what} has the unknown key {name!r}", line, f"Known keys: {', '.join(sorted(_KEYS[kind]))}.", file=file
                )
        return members

    def root(self) -> Root | None:
        """Where the packages are; None, with findings, when there are none."""
        if self.file not in self.files:
            self.say("no_manifest", "there is no manifest.yaml", None, "Put a manifest.yaml in the format of wskdeploy into the folder.")
            return None
        tree = self.tree(self.file)
        if tree is None:
            return None
        members = self.known(tree, "root", "the manifest")
        project = self.known(members["project"], "project", "project") if "project" in members else {}
        packages = members.get("packages") or project.get("packages")
        if packages is None or not packages.members():
            self.say("no_package", "the manifest has no packages", tree.line, "Add `packages: {NAME: …}`.")
            return None
        return Root(packages, project)

    # Parameters (§11.2)

    def inputs(self, tree: Tree | None) -> tuple[Input, ...]:
        """The declared inputs, in their order."""
        if tree is None or tree.is_null:
            return ()
        if not tree.is_map:
            self.say("shape", "inputs must be a map of names", tree.line)
            return ()
        return tuple(self._input(name, member, tree.key_line(name)) for name, member in tree.members().items())

    def _input(self, name: str, tree: Tree, line: int) -> Input:
        members = tree.members()
        if members and set(members) <= LONG_FORM and set(members) & {"type", "value", "default", "required", "description"}:
            return self._long(name, members, line)
        value = tree.value()
        if isinstance(value, str) and value in TYPES and value != "password":
            type_, _ = TYPES[value]
            return Input(name=name, type=type_, line=line)
        value = self.filled(name, value, line)
        return Input(name=name, type=_type_of(value), value=value, line=line)

    def _long(self, name: str, members: dict[str, Tree], line: int) -> Input:
        given = members["value"].value() if "value" in members else members["default"].value() if "default" in members else None
        word = members["type"].text() if "type" in members else _type_of(given)
        if word not in TYPES:
            self.say("input_type", f"input {name!r} has the unknown type {word!r}", members["type"].line, f"Types: {', '.join(TYPES)}.")
        type_ = TYPES.get(word, ("string", ""))[0]
        given = self.filled(name, given, line)
        if type_ == "json" and isinstance(given, str) and given:
            try:
                given = msgspec.json.decode(given.encode())
            except msgspec.MsgspecError:
                self.say(
                    "input_json", f"input {name!r} is declared json, and its value is no JSON text", line, "Write JSON, or a YAML map."
                )
        required = members["required"].value() is True if "required" in members else False
        secret = type_ == "password" or ("secret" in members and members["secret"].value() is True)
        description = members["description"].text() if "description" in members else ""
        return Input(name=name, type=type_, description=description, required=required, secret=secret, value=given, line=line)

    def filled(self, name: str, value: Json, line: int) -> Json:
        """The value of an input with its variables filled in. A package has none: whoever installs it has another environment."""
        if isinstance(value, str) and _VARIABLE.search(value):
            self.say(
                "variable",
                f"input {name!r} takes a variable of the publisher's environment, which installers do not have; it is left unset",
                line,
                "Declare the input as required, so that installers are asked for it.",
                warning=True,
            )
        return value

    def annotations(self, tree: Tree | None) -> dict[str, Json]:
        """The annotations as they are written."""
        value = tree.value() if tree is not None else None
        if tree is not None and value is not None and not isinstance(value, dict):
            self.say("shape", "annotations must be a map", tree.line)
        found: dict[str, Json] = value if isinstance(value, dict) else {}
        if tree is not None and isinstance(found.get("parameters"), str):
            self.say("parameters_text", "the annotation `parameters` is text instead of a list", tree.line, "Mend its JSON.", warning=True)
        return found

    # Entities

    def action(self, name: str, tree: Tree, line: int) -> ManifestAction:
        """One action."""
        members = self.known(tree, "action", f"action {name!r}")
        function = scalar(members, "function") or scalar(members, "location")
        code = scalar(members, "code")
        kind = scalar(members, "runtime")
        contained = "docker" in members or "native" in members
        if function and code:
            self.say("function_and_code", f"action {name!r} has both function and code", line, "Keep one of them.")
        if not function and not code and not contained:
            self.say("no_code", f"action {name!r} has neither function nor code", line, "Name its file with `function:`.")
        if contained:
            self.container(name, line)
        if function.startswith(REMOTE):
            self.remote(name, line)
        if not kind and function:
            kind = self.kinds.get(function.rpartition(".")[2], "")
        if not kind and not contained and (function or code):
            self.say("no_kind", f"the runtime of action {name!r} cannot be told from its file", line, "Add `runtime:`.")
        annotations = {**self.annotations(members.get("annotations")), **self.web(name, members)}
        description = scalar(members, "description") or str(annotations.get("description") or "")
        return ManifestAction(
            name=name,
            kind=kind,
            function=function,
            code=code,
            main=scalar(members, "main") or None,
            description=description,
            inputs=self.inputs(members.get("inputs")),
            annotations=annotations,
            limits=self._limits(name, members.get("limits")),
            include=tuple(tuple(part.text() for part in row.items()) for row in members["include"].items()) if "include" in members else (),
            exclude=tuple(row.text() for row in members["exclude"].items()) if "exclude" in members else (),
            line=line,
        )

    def container(self, name: str, line: int) -> None:
        """An action that needs a container."""
        self.say("container", f"action {name!r} needs a container, which this hub does not run", line, "Use a runtime kind.")

    def remote(self, name: str, line: int) -> None:
        """An action whose code is somewhere else."""
        self.say("remote_function", f"action {name!r} takes its code from an address", line, "Put the file into the package.")

    def web(self, name: str, members: dict[str, Tree]) -> dict[str, Json]:
        """The annotations that the words `web` and `conductor` stand for."""
        found: dict[str, Json] = {}
        tree = members.get("web") or members.get("web-export")
        if tree is not None:
            word = tree.text().lower()
            if word in {"true", "yes"}:
                found = {"web-export": True, "raw-http": False, "final": True}
            elif word == "raw":
                found = {"web-export": True, "raw-http": True, "final": True}
            elif word in {"false", "no"}:
                found = {"web-export": False, "raw-http": False, "final": False}
            else:
                self.say("web", f"action {name!r}: web must be true, false or raw, found {tree.text()!r}", tree.line)
        if "conductor" in members and members["conductor"].text().lower() in {"true", "yes"}:
            found["conductor"] = True
        return found

    def _limits(self, name: str, tree: Tree | None) -> dict[str, int]:
        if tree is None:
            return {}
        found: dict[str, int] = {}
        words = {"timeout": "timeout", "memorySize": "memory", "logSize": "logs"}
        for key, member in self.known(tree, "limits", f"the limits of {name!r}").items():
            value = member.value()
            if key not in words:
                self.say("limit", f"the limit {key} of {name!r} cannot be set", member.line, "Leave it out.", warning=True)
            elif not isinstance(value, int) or isinstance(value, bool):
                self.say("limit", f"the limit {key} of {name!r} must be a whole number", member.line)
            else:
                found[words[key]] = value
        return found

    def sequence(self, name: str, tree: Tree, line: int) -> ManifestSequence:
        """One sequence."""
        members = self.known(tree, "sequence", f"sequence {name!r}")
        parts = tuple(part.strip() for part in scalar(members, "actions").split(",") if part.strip())
        if not parts:
            self.say("no_components", f"sequence {name!r} has no actions", line, "Write `actions: first, second`.")
        return ManifestSequence(
            name=name, actions=parts, annotations={**self.annotations(members.get("annotations")), **self.web(name, members)}, line=line
        )

    def trigger(self, name: str, tree: Tree, line: int) -> ManifestTrigger:
        """One trigger."""
        members = self.known(tree, "trigger", f"trigger {name!r}")
        feed = scalar(members, "feed") or scalar(members, "source") or None
        annotations = self.annotations(members.get("annotations"))
        return ManifestTrigger(name=name, feed=feed, inputs=self.inputs(members.get("inputs")), annotations=annotations, line=line)

    def rule(self, name: str, tree: Tree, line: int) -> ManifestRule:
        """One rule."""
        members = self.known(tree, "rule", f"rule {name!r}")
        trigger, action = scalar(members, "trigger"), scalar(members, "action")
        for what, value in (("trigger", trigger), ("action", action)):
            if not value:
                self.say("rule", f"rule {name!r} names no {what}", line)
        return ManifestRule(name=name, trigger=trigger, action=action, annotations=self.annotations(members.get("annotations")), line=line)

    def package(self, name: str, tree: Tree, line: int) -> PackageManifest:
        """One package."""
        members = self.known(tree, "package", f"package {name!r}")
        for key, what in _LATER.items():
            if key in members:
                self.say("not_installed", f"{what} of package {name!r} are not installed by this version", tree.key_line(key), warning=True)
        annotations = self.annotations(members.get("annotations"))
        description = scalar(members, "description") or str(annotations.get("description") or "")
        return PackageManifest(
            name=listing_name(name),
            entity_name=name,
            version=scalar(members, "version"),
            license=scalar(members, "license"),
            description=description,
            annotations=annotations,
            inputs=self.inputs(members.get("inputs")),
            actions=tuple(self.action(*row) for row in rows(members.get("actions"))),
            sequences=tuple(self.sequence(*row) for row in rows(members.get("sequences"))),
            triggers=tuple(self.trigger(*row) for row in rows(members.get("triggers"))),
            rules=tuple(self.rule(*row) for row in rows(members.get("rules"))),
            readme=_readme(self.files),
            samples=tuple(self._samples()),
            line=line,
        )

    def _samples(self) -> list[Sample]:
        found: list[Sample] = []
        for name in sorted(self.files):
            if not (name.startswith("samples/") and name.endswith(".json")):
                continue
            try:
                given = msgspec.json.decode(self.files[name])
                found.append(
                    Sample(
                        action=given["action"],
                        input=given.get("input"),
                        output=given.get("output"),
                        partial=bool(given.get("partial")),
                        file=name,
                    )
                )
            except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
                self.say("sample", "a sample must be JSON with the keys action and input", 1, file=name)
        return found

    # hub.yaml

    def described(self, manifest: PackageManifest) -> PackageManifest:
        """The package with what hub.yaml says of it."""
        if HUB not in self.files:
            return manifest
        tree = self.tree(HUB)
        if tree is None:
            return manifest
        members = self.known(tree, "hub", HUB, HUB)
        source = members["source"].value() if "source" in members else ""
        capabilities = members["capabilities"].value() if "capabilities" in members else {}
        return msgspec.structs.replace(
            manifest,
            category=scalar(members, "category"),
            keywords=tuple(item.text() for item in members["keywords"].items()) if "keywords" in members else (),
            source=str(source.get("repository", "")) if isinstance(source, dict) else str(source or ""),
            capabilities=capabilities if isinstance(capabilities, dict) else {},
            connections=tuple(self._connection(*row) for row in rows(members.get("connections"))),
            feeds=tuple(self._feed(*row) for row in rows(members.get("feeds"))),
        )

    def _connection(self, name: str, tree: Tree, line: int) -> ConnectionType:
        value = mapping(tree.value())
        fields = mapping(value.get("fields"))
        declared_fields = mapping(fields.get("properties"))
        if not declared_fields:
            self.say("connection", f"connection {name!r} declares no fields", line, "Add `fields: {properties: {…}}`.", file=HUB)
        required = fields.get("required")
        wanted = required if isinstance(required, list) else []
        declared = tuple(_field(field, row, required=field in wanted) for field, row in declared_fields.items())
        parameters = mapping(value.get("parameters")) or {field.name: field.name for field in declared}
        return ConnectionType(
            name=name,
            type=str(value.get("type") or "custom"),
            fields=declared,
            required=value.get("required") is not False,
            parameters={str(key): str(field) for key, field in parameters.items()},
            check=str(value["check"]) if value.get("check") else None,
            docs=str(value.get("docs") or ""),
        )

    def _feed(self, name: str, tree: Tree, line: int) -> ManifestFeed:
        members = tree.members()
        native = scalar(members, "native")
        if not native:
            self.say("feed", f"feed {name!r} says nothing of how it works", line, "Write `native: folder/feed`.", file=HUB)
        return ManifestFeed(
            name=name,
            native=native,
            description=scalar(members, "description"),
            inputs=self.inputs(members.get("settings")),
            event=members["event"].value() if "event" in members else None,
        )


def mapping(value: Json) -> dict[str, Json]:
    """A map; empty for anything else."""
    return value if isinstance(value, dict) else {}


def scalar(members: dict[str, Tree], name: str) -> str:
    """A scalar; only code keeps its blanks."""
    text = members[name].text() if name in members else ""
    return text if name == "code" else text.strip()


def rows(tree: Tree | None) -> list[tuple[str, Tree, int]]:
    """The members of a map, each with its line."""
    return [(name, member, tree.key_line(name)) for name, member in tree.members().items()] if tree is not None else []


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {int: "integer", float: "number", dict: "json", list: "array"}
    return names.get(type(value), "string")


def _field(name: str, row: Any, *, required: bool) -> ConnectionField:
    about = row if isinstance(row, dict) else {}
    return ConnectionField(
        name=name,
        description=str(about.get("description") or ""),
        type=str(about.get("type") or "string"),
        required=required,
        secret=about.get("secret") is True,
        default=about.get("default"),
    )


def _readme(files: Mapping[str, bytes]) -> str:
    return next((files[name].decode(errors="replace") for name in files if name.lower() in {"readme.md", "readme"}), "")


def listing_name(name: str) -> str:
    """The listing's name of a package: lower case, other characters as `-` (design §9 "Packages and connections")."""
    return _LISTING.sub("-", name.lower()).strip("-")


def read_package(files: Mapping[str, bytes], *, name: str | None = None, version: str | None = None) -> Reading:
    """Read the members of an artefact. `name` and `version` stand in for what the manifest leaves open; all findings come at once."""
    reader = ManifestReader(files)
    root = reader.root()
    packages = root.packages if root else None
    if packages is None:
        return Reading((), tuple(reader.findings))
    found: list[PackageManifest] = []
    for written, member, line in rows(packages):
        manifest = reader.described(reader.package(written, member, line))
        if written.lower() == "default" or written.startswith("$"):
            if not name:
                reader.say("name_left_open", f"the package name {written!r} is left open", line, "Publish with --name NAME.")
                continue
            manifest = msgspec.structs.replace(manifest, name=listing_name(name), entity_name=name)
        elif name and len(packages.members()) == 1:
            manifest = msgspec.structs.replace(manifest, name=listing_name(name))
        found.append(manifest if manifest.version else msgspec.structs.replace(manifest, version=version or ""))
    return Reading(tuple(found), tuple(reader.findings))
