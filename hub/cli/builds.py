"""`hub builds`."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.session import ApiHost, Auth, Props, client


def show_builds(
    number: Annotated[str, typer.Argument(help="A build; the beginning of its id will do.")] = "",
    apihost: ApiHost = None,
    auth: Auth = None,
    props: Props = None,
) -> None:
    """Builds of what your actions depend on; of one, its steps and the end of its log."""
    with client(apihost, auth, props) as hub:
        rows = [row for row in hub.builds() if row["id"].startswith(number)]
        if not number:
            for row in rows:
                typer.echo(f"{row['id'][:12]}  {row['state']:<8}{row['kind']:<14}{', '.join(row['actions'])}")
            return
        build = hub.build(rows[0]["id"] if len(rows) == 1 else number)
    for line in build["log"]:
        typer.echo(line)
    typer.echo(f"{build['state']}: {build['error']}" if build["error"] else build["state"])
