"""A hundred hostile archives against what unpacks the code of actions (reliability §7)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.runtime.launchers import unpack
from tests.support.archives import HOSTILE, member, short, tarred, zipped

MOST = 1_000_000
SYSTEM = ("/etc/cron.d/x", "/x")
HONEST = {
    "a.py": b"x",
    "lib/a.py": b"y" * 2_000,
    "lib/b/c:d": b"",
    "..a/b..": b"z",
    "ä": b"",
}


def below(folder: Path) -> dict[str, int]:
    """Everything there, without following links, with its size."""
    return {str(path.relative_to(folder)): path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()}


def test_there_are_a_hundred() -> None:
    """And more."""
    assert len(HOSTILE) >= 100


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused(what: str, tmp_path: Path) -> None:
    """With a sentence; nothing is written outside the folder, nor more than may be inside."""
    archive, folder = tmp_path / "archive", tmp_path / "up" / "upper" / "folder"
    archive.write_bytes(HOSTILE[what]())
    with pytest.raises(unpack.BadArchive, match=r"^The archive [a-z].{10}"):
        unpack.unpack(str(archive), str(folder), MOST)
    written = below(folder)

    assert set(below(tmp_path)) == {"archive"} | {f"up/upper/folder/{name}" for name in written}
    assert sum(written.values()) <= MOST
    assert not any(os.path.lexists(path) for path in SYSTEM)


@pytest.mark.parametrize("what", [what for what in HOSTILE if what.startswith("zip:")])
def test_the_hub_refuses_it_by_its_directory_or_lets_it_have_no_more_room_than_allowed(what: str) -> None:
    """It never looks at the members."""
    try:
        size, files = unpack.measure(HOSTILE[what]())
    except unpack.BadArchive as error:
        assert str(error).startswith("The archive ")
    else:
        assert size <= unpack.LARGEST_AT_ANY_RATIO
        assert files <= unpack.MOST_FILES * unpack.DEEPEST


@pytest.mark.parametrize("packed", ["zip", "tar"])
def test_an_honest_archive_is_unpacked(packed: str, tmp_path: Path) -> None:
    """Folders may be told more than once, and names may be odd."""
    rows = [("./", b""), ("lib/", b""), *HONEST.items(), ("lib/", b"")]
    made = (
        zipped(*rows) if packed == "zip" else tarred(*((member(name, b"5" if name.endswith("/") else b"0"), data) for name, data in rows))
    )
    (tmp_path / "archive").write_bytes(made)
    unpack.unpack(str(tmp_path / "archive"), str(tmp_path / "folder"), MOST)

    assert {name: (tmp_path / "folder" / name).read_bytes() for name in below(tmp_path / "folder")} == HONEST
    assert unpack.measure(made)[0] >= sum(map(len, HONEST.values()))


def test_no_more_is_written_than_a_member_says(tmp_path: Path) -> None:
    """Though its checksum is that of its beginning: what follows is never unpacked."""
    (tmp_path / "archive").write_bytes(short())
    unpack.unpack(str(tmp_path / "archive"), str(tmp_path / "folder"), MOST)

    assert below(tmp_path / "folder") == {"a": 10}
