"""From a wskdeploy project to what it wants to exist (packages-and-feeds §11.1-§11.8), with everything that is wrong with it and where."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from hub.domain.errors import Malformed
from hub.domain.manifest import ManifestAction
from hub.domain.names import FullName, check_entity_name
from hub.domain.package import Binding
from hub.domain.parameters import Json, Parameters
from hub.domain.project import (
    BLACKBOX,
    SEQUENCE,
    STANDARD_LIMITS,
    Left,
    Project,
    ProjectAction,
    ProjectApi,
    ProjectPackage,
    ProjectRule,
    ProjectTrigger,
    own,
    sorted_project,
)
from hub.domain.release import Finding, Severity
from hub.wire import apidocs
from hub.wire.artefact import chosen, zipped
from hub.wire.code import EXTENSIONS, SKELETON, packed
from hub.wire.exact import applied
from hub.wire.interpolation import Variables
from hub.wire.manifest import HUB, Root, rows, scalar
from hub.wire.overlay import Overlay, OverlayReader, inside
from hub.wire.projectvalues import DEFAULT, ValueReader
from hub.wire.yamltree import Tree

_GITHUB = "github"
E = TypeVar("E", ProjectTrigger, ProjectRule)


class ProjectReading(NamedTuple):
    """What was read, every finding about it, and the variables that are not set. With an error among the findings it is not whole."""

    project: Project
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]

    @property
    def errors(self) -> bool:
        """Whether something has to be mended first."""
        return any(finding.severity == Severity.ERROR for finding in self.findings)


class ProjectReader(ValueReader):
    """Reads one project."""

    kinds = EXTENSIONS

    def __init__(self, files: Mapping[str, bytes], environment: Mapping[str, str], overlay: Overlay, given: Mapping[str, Json]) -> None:
        super().__init__(files, environment, overlay, given)
        self.packages: dict[str, ProjectPackage] = {}
        self.actions: dict[str, ProjectAction] = {}
        self.triggers: dict[str, ProjectTrigger] = {}
        self.rules: dict[str, ProjectRule] = {}
        self.apis: list[ProjectApi] = []
        self.left: list[Left] = []

    def read(self, root: Root) -> None:
        """Everything below the root."""
        shared = {item.name: str(item.value) for item in super().inputs(root.project.get("inputs")) if item.value is not None}
        self.know(ChainMap(self.environment, shared))
        for written, tree, line in rows(root.packages):
            members = self.known(tree, "package", f"package {written!r}")
            self.collect(self._named(self.variables.text(written), line), members, line, shared)
        if "config" in root.project:
            self._configured(root.project["config"])

    def laid_over_by(self, overlay: OverlayReader | None, root: Root) -> None:
        """What is wrong with the overlay, seen together with the manifest."""
        if overlay is None:
            return
        self.findings += overlay.findings
        self.variables.missing |= overlay.variables.missing
        for place in sorted(self.overlay.keys() - self.used):
            what = f"{place[1].removesuffix('s')} {place[2]!r}"
            words = f"the deployment file names the {what}, which the manifest does not have"
            self.say("overlay", words, self.overlay[place].line, warning=True, file=overlay.file)
        name = scalar(root.project, "name")
        if overlay.project_name and name and overlay.project_name != name:
            words = f"the deployment file is for the project {overlay.project_name!r}, the manifest for {name!r}"
            self.say("overlay", words, None, "Give both the same name.", file=overlay.file)

    def collect(self, name: str, members: dict[str, Tree], line: int, shared: Mapping[str, str]) -> None:
        """One package with everything in it."""
        self.package_name, self.at = name, ("package", name)
        self.know(ChainMap(self.environment, dict(shared)))
        inputs = self.parameters(self.inputs(members.get("inputs")), line)
        local = {key: value for key, value in inputs.values().items() if isinstance(value, str)}
        self.know(ChainMap(self.environment, local, dict(shared)))
        if name.lower() != DEFAULT:
            annotations = self.annotated(self.annotations(members.get("annotations")))
            public = scalar(members, "public").lower() in {"true", "yes"}
            version = self.variables.text(scalar(members, "version")) or None
            self.packages[name] = ProjectPackage(
                name=own(name), parameters=inputs, annotations=annotations, publish=public, version=_version(version)
            )
        for label, tree, at in rows(members.get("dependencies")):
            self._dependency(self._named(label, at), tree, at)
        for action, tree, at in rows(members.get("actions")):
            self._action(self._named(action, at), tree, at)
        for sequence, tree, at in rows(members.get("sequences")):
            self._sequence(self._named(sequence, at), tree, at)
        for trigger, tree, at in rows(members.get("triggers")):
            self._trigger(self._named(self.variables.text(trigger), at), trigger, tree, at)
        for rule, tree, at in rows(members.get("rules")):
            self._rule(self._named(self.variables.text(rule), at), tree, at)
        self.apis += apidocs.from_manifest(members.get("apis"), self._reference, self.known)

    def _named(self, name: str, line: int) -> str:
        try:
            return check_entity_name(name)
        except Malformed as error:
            self.say("name", f"{name!r} cannot be a name: {error}", line)
            return name

    def project(self) -> Project:
        """What was collected."""
        return sorted_project(
            self.packages.values(), self.actions.values(), self.triggers.values(), self.rules.values(), self.apis, self.left
        )

    # Names

    def _reference(self, text: str, line: int) -> FullName:
        """Bare: of this package; `/name`: of the namespace; `package/name` and `/ns/package/name` as written."""
        parts = self.variables.text(text).removeprefix("/").split("/")
        try:
            if len(parts) == 1:
                package = None if text.startswith("/") or self.package_name.lower() == DEFAULT else self.package_name
                return own(check_entity_name(parts[0]), package)
            absolute = text.startswith("/")
            return FullName.parse("/".join(parts if absolute else ["_", *parts]), own="_")
        except Malformed as error:
            self.say("name", f"{text!r} names nothing: {error}", line)
            return own(text)

    def _own(self, name: str) -> FullName:
        return own(name, None if self.package_name.lower() == DEFAULT else self.package_name)

    # Entities

    def container(self, name: str, line: int) -> None:
        """See `ManifestReader.container`: whether it can run is the target's affair."""

    def remote(self, name: str, line: int) -> None:  # noqa: ARG002 - as in what it overrides
        """See `ManifestReader.remote`."""
        self.left.append(Left("action", self._own(name).path, "its code is at an address; put the file into the project"))

    def _action(self, name: str, tree: Tree, line: int) -> None:
        self.at = ("actions", name)
        before = len(self.left)
        read = self.action(name, tree, line)
        members = tree.members()
        parameters = self.parameters(read.inputs, line)
        if len(self.left) > before:
            return
        native = scalar(members, "native").lower() in {"true", "yes"}
        image = SKELETON if native else self.variables.text(scalar(members, "docker")) or None
        made = ProjectAction(
            name=self._own(name),
            kind=BLACKBOX if image else read.kind,
            image=image,
            code=self._code(read, line),
            main=read.main,
            parameters=parameters,
            annotations=_without_default(self.annotated(read.annotations)),
            limits={key: value for key, value in read.limits.items() if STANDARD_LIMITS.get(key) != value},
        )
        self.actions[made.path] = made

    def _code(self, action: ManifestAction, line: int) -> str:
        if not action.function:
            return action.code
        written = self.variables.text(action.function)
        path = inside(written)
        if path is None:
            self.say("outside", f"the function of action {action.name!r} is outside of the project", line, "Move it into the folder.")
            return ""
        if path in self.files:
            return self._read(action.name, path, line)
        members = chosen(self.files, path, action.include, action.exclude)
        if not members:
            self.say("no_file", f"there is no {written!r}, the function of action {action.name!r}", line)
        return packed("x.zip", zipped(members))

    def _read(self, name: str, path: str, line: int) -> str:
        try:
            return packed(path, self.files[path])
        except UnicodeDecodeError:
            self.say("encoding", f"{path!r}, the function of action {name!r}, is neither text in UTF-8 nor a zip file", line)
            return ""

    def _sequence(self, name: str, tree: Tree, line: int) -> None:
        self.at = ("sequences", name)
        read = self.sequence(name, tree, line)
        made = ProjectAction(
            name=self._own(name),
            kind=SEQUENCE,
            components=tuple(self._reference(part, line) for part in read.actions),
            annotations=_without_default(self.annotated(read.annotations)),
        )
        if made.path in self.actions:
            self.say("sequence_and_action", f"{name!r} is a sequence and an action", line, "Give one of them another name.")
        self.actions[made.path] = made

    def _trigger(self, name: str, written: str, tree: Tree, line: int) -> None:
        self.at = ("triggers", written)
        read = self.trigger(name, tree, line)
        values = self.parameters(read.inputs, line)
        feed = self._feed_name(read.feed, line) if read.feed else None
        made = ProjectTrigger(
            name=own(name),
            annotations=self.annotated(read.annotations),
            feed=feed,
            parameters=Parameters() if feed else values,
            settings=values.values() if feed else {},
        )
        self._once(self.triggers, made, "trigger", line)

    def _feed_name(self, text: str, line: int) -> FullName:
        written = self.variables.text(text)
        parts = written.strip("/").split("/")
        return self._reference(written if len(parts) > 1 else f"/{parts[0]}", line)

    def _rule(self, name: str, tree: Tree, line: int) -> None:
        self.at = ("rules", name)
        read = self.rule(name, tree, line)
        if not read.trigger or not read.action:
            return
        trigger = self.variables.text(read.trigger)
        made = ProjectRule(
            name=own(name),
            trigger=self._reference(trigger if trigger.strip("/").count("/") else f"/{trigger.strip('/')}", line),
            action=self._reference(read.action, line),
            annotations=self.annotated(read.annotations),
        )
        self._once(self.rules, made, "rule", line)

    def _once(self, known: dict[str, E], made: E, what: str, line: int) -> None:
        """The same name in several packages must mean the same."""
        if known.setdefault(made.path, made) != made:
            self.say("conflict", f"{what} {made.path!r} is said twice, and differently", line, "Say it once, or the same.")

    def _dependency(self, label: str, tree: Tree, line: int) -> None:
        self.at = ("dependencies", label)
        members = self.known(tree, "dependency", f"dependency {label!r}")
        location = scalar(members, "location")
        parameters = self.parameters(self.inputs(members.get("inputs")), line)
        annotations = self.annotated(self.annotations(members.get("annotations")))
        if location.startswith("/"):
            namespace, _, package = location.strip("/").partition("/")
            binding = Binding(self.variables.text(namespace), self.variables.text(package))
            self.packages[label] = ProjectPackage(name=own(label), binding=binding, parameters=parameters, annotations=annotations)
        elif _GITHUB in location.partition("://")[2].partition("/")[0] or _GITHUB in location.partition("/")[0]:
            where = f"it is at {self.variables.text(location)}; get it, and say where it is with --dependency {label}=FOLDER"
            self.left.append(Left("dependency", label, where))
        else:
            self.say("dependency", f"dependency {label!r} has an unknown kind of location", line, "Write /namespace/package.")

    def _configured(self, tree: Tree) -> None:
        """An API as a Swagger document, deployed as it is (§11.6)."""
        path = inside(tree.text())
        document = apidocs.read_document(self.files[path]) if path is not None and path in self.files else None
        if document is None:
            self.say("config", f"{tree.text()!r} is no Swagger document", tree.line)
        else:
            self.apis = [api for api in self.apis if api.base_path != document.base_path]
            self.apis.append(document)


def _version(text: str | None) -> str | None:
    """A version that entities can have; anything else stays with the package's source."""
    parts = (text or "").split(".")
    plain = len(parts) <= 3 and all(part.isdecimal() for part in parts)  # noqa: PLR2004 - x.y.z
    whole_version = ".".join([*parts, "0", "0"][:3])
    return whole_version if plain and whole_version not in {"0.0.0", "0.0.1"} else None


def _without_default(annotations: Parameters) -> Parameters:
    """A new action is not given a key unless it asks for one: saying so is saying nothing."""
    key = "provide-api-key"
    return annotations.without(key) if annotations.get(key, default="") is False else annotations


def read_project(
    files: Mapping[str, bytes],
    environment: Mapping[str, str],
    *,
    file: str = "",
    deployment: tuple[str, bytes] | None = None,
    given: Mapping[str, Json] | None = None,
) -> ProjectReading:
    """Read the files of a project, `file` being its manifest where that has another name.

    `deployment` is the name and the text of the overlay, `given` are values of the command line. hub.yaml is laid over all of it.
    """
    overlay = OverlayReader(*deployment, Variables(environment)) if deployment else None
    reader = ProjectReader(files, environment, overlay.read() if overlay else {}, given or {})
    reader.file = file or reader.file
    root = reader.root()
    if root is not None:
        reader.read(root)
        reader.laid_over_by(overlay, root)
    project = reader.project()
    if root is not None and HUB in files:
        exact = reader.tree(HUB)
        project = applied(project, exact, reader.variables) if exact else project
    return ProjectReading(project, tuple(reader.findings), tuple(sorted(reader.variables.missing)))
