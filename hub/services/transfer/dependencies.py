"""Dependencies of a project that are projects of their own (packages-and-feeds §11.7)."""

from __future__ import annotations

import msgspec

from hub.domain.names import OWN_NAMESPACE
from hub.domain.package import Binding
from hub.domain.project import Project, ProjectPackage, own, sorted_project


class NotOnePackage(Exception):
    """The project cannot be a dependency: it has to have exactly one package."""


def with_dependency(project: Project, label: str, dependency: Project) -> Project:
    """The project together with another; under a label that is not the package's name there is a binding, too. Raises NotOnePackage."""
    if len(dependency.packages) != 1:
        raise NotOnePackage(f"The dependency {label} has {len(dependency.packages)} packages; it has to have exactly one.")
    package = dependency.packages[0]
    packages = [*project.packages, package]
    if package.path != label:
        packages.append(ProjectPackage(name=own(label), binding=Binding(OWN_NAMESPACE, package.path)))
    merged = sorted_project(
        packages,
        [*project.actions, *dependency.actions],
        [*project.triggers, *dependency.triggers],
        [*project.rules, *dependency.rules],
        [*project.apis, *dependency.apis],
    )
    left = [*(row for row in project.left if (row.what, row.name) != ("dependency", label)), *dependency.left]
    return msgspec.structs.replace(merged, left=tuple(left))
