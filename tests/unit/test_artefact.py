"""Artefacts: the same bytes for the same files, and hostile ones refused (marketplace §10, reliability §7)."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.wire.artefact import BadArtefact, digest_of, open_artefact, pack, read_folder, zipped

NAMES = st.lists(st.text("abcdef", min_size=1, max_size=8), min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(NAMES, st.binary(max_size=64), max_size=5))
def test_what_is_packed_is_what_is_opened(files: dict[str, bytes]) -> None:
    """In any order, with the same bytes each time."""
    kept = {name: data for name, data in files.items() if not any(other.startswith(f"{name}/") for other in files)}
    data = zipped(kept)

    assert open_artefact(data) == kept
    assert digest_of(zipped(dict(reversed(list(kept.items()))))) == digest_of(data)


def archive(*members: tuple[str, bytes], mode: int = stat.S_IFREG | 0o644) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(member, data)
    return target.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 no zip",
        archive(("../x", b"")),
        archive(("/x", b"")),
        archive(("a/../../x", b"")),
        archive(("a\\x", b"")),
        archive(("c:/x", b"")),
        archive(("x" * 256, b"")),
        archive(("/".join("a" * 40), b"")),
        archive(("A.txt", b""), ("a.TXT", b"")),
        archive(("x", b"target"), mode=stat.S_IFLNK | 0o777),
        archive(("x", b""), mode=stat.S_IFCHR | 0o600),
        archive(*((f"f{number}", b"") for number in range(2_001))),
        archive(("bomb", b"\0" * (101 * 1024 * 1024))),
        archive(("a", b"data"))[:-20],
    ],
    ids=range(15),
)
def test_a_hostile_archive_is_refused(data: bytes) -> None:
    """With a sentence, and without unpacking it to the end."""
    with pytest.raises(BadArtefact):
        open_artefact(data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused() -> None:
    """Two readers could see two different packages."""
    with pytest.raises(BadArtefact, match="twice"):
        open_artefact(archive(("a", b"1"), ("a", b"2")))


def test_a_folder_is_read_without_what_is_built_or_hidden(tmp_path: Path) -> None:
    """And without what `.hubignore` names."""
    for name in ("manifest.yaml", "a/b.py", "__pycache__/x.pyc", "node_modules/m/i.js", ".git/config", "notes/todo.txt", "x.log"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    (tmp_path / ".hubignore").write_text("# mine\n*.log\nnotes/\n")

    assert set(read_folder(tmp_path)) == {"manifest.yaml", "a/b.py"}
    (tmp_path / "link").symlink_to("manifest.yaml")
    with pytest.raises(BadArtefact, match="link"):
        pack(tmp_path)
