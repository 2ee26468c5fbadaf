import re

import pytest

from domain import ports
from domain.faults import Misconfigured
from hub.registry import installed, split_secrets
from hub.settings import Settings


@pytest.mark.parametrize("name", sorted(installed()))
def test_every_capability_is_a_port(name: str) -> None:
    manifest = installed()[name].manifest
    assert manifest.id == name
    assert manifest.capabilities
    for capability in manifest.capabilities:
        assert getattr(getattr(ports, capability), "_is_protocol", False)


@pytest.mark.parametrize("name", sorted(installed()))
def test_wrong_settings_are_told_by_field(name: str) -> None:
    with pytest.raises(Misconfigured, match="no_such_field"):
        split_secrets(installed()[name], {"no_such_field": 1})


@pytest.mark.parametrize("name", sorted(installed()))
def test_what_sounds_secret_is_declared_secret(name: str) -> None:
    fields = installed()[name].settings.model_fields
    for field, info in fields.items():
        if re.search(r"secret(?!_id)|password|passwd|^token|refresh_token|push_token", field):
            assert "SecretStr" in str(info.annotation), field


def test_what_is_stored_with_its_defaults_can_be_opened_again() -> None:
    """A connection that only takes pushes names no app: the empty default is stored, and read again."""
    leads = installed()["douyin_leads"]
    plain, sealed = split_secrets(leads, {"sources": [], "push_token": "a", "push_secretkey": "b"})
    leads.settings.model_validate({**plain, **sealed})


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgresql://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgres://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql+asyncpg://u@h/d"),
        ("", ""),
    ],
)
def test_the_database_may_be_named_as_everybody_names_it(
    given: str, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", given)
    assert Settings().database_url == read
