"""The settings page says what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from hub.settings import Settings, SettingsRefused, load_settings

PAGE = Path(__file__).parent.parent.parent / "hub" / "docs" / "settings.md"


def fields(model: type[BaseModel], prefix: str = "HUB_") -> Iterator[tuple[str, str]]:
    """Every setting with its sentence."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), field.description or ""


def test_every_setting_has_a_sentence_and_stands_on_the_page() -> None:
    """With exactly the sentence of the code."""
    rows = dict(re.findall(r"^\| `(HUB_[A-Z_]+)` \| .*? \| (.*?) \|$", PAGE.read_text(), re.MULTILINE))

    assert rows == {name: text.replace("|", "\\|") for name, text in fields(Settings)}
    assert all(text.endswith(".") for text in rows.values())


def test_a_setting_that_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, what was found, what is wanted."""
    monkeypatch.setenv("HUB_LIMITS__FIRES_PER_MINUTE", "many")
    with pytest.raises(SettingsRefused) as refusal:
        load_settings(data=tmp_path)

    assert "HUB_LIMITS__FIRES_PER_MINUTE" in str(refusal.value)
    assert "'many'" in str(refusal.value)


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`hub.toml` in the data folder comes last."""
    (tmp_path / "hub.toml").write_text('port = 1\nhost = "127.0.0.9"\n[limits]\nfires_per_minute = 5\n')
    monkeypatch.setenv("HUB_PORT", "2")
    found = load_settings(data=tmp_path, port=None)

    assert (found.port, found.host, found.limits.fires_per_minute) == (2, "127.0.0.9", 5)
    assert load_settings(data=tmp_path, port=3).port == 3


def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "hub.toml").write_text("port = = 1")
    with pytest.raises(SettingsRefused, match=r"hub\.toml"):
        load_settings(data=tmp_path)


def test_durations_are_seconds_or_iso_8601(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page says."""
    monkeypatch.setenv("HUB_RUNTIME__IDLE", "90")
    monkeypatch.setenv("HUB_BUILDS__WAIT", "PT2M")
    settings = load_settings(host=None, port=None, data=None, roles=None)

    assert settings.runtime.idle.total_seconds() == 90
    assert settings.builds.wait.total_seconds() == 120
