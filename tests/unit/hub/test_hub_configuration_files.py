import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from configuration import ConfigurationError
from hub.configuration_files import other_rules, read_folder, write_folder
from hub.configuration_plan import CodeTableState, ConnectionState, State
from hub.settings import DEFAULTS

PUSH = "douyin_leads.push"
PEOPLE = CodeTableState("people", "it", {"张三": "E1"})


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        (
            "connections/x.yaml",
            "connector: kingde\n",
            r"x.yaml:1:12: no connector 'kingde' — did you mean 'kingdee'",
        ),
        ("connections/x.yaml", "connector: kingdee\nsetings: {}\n", r"x.yaml:2:1: .*did you mean 'settings'"),
        (
            "connections/x.yaml",
            "connector: douyin_leads\nsettings:\n  sources: []\n  page_size: 900\n",
            r"x.yaml:4:3: page_size: .*less than or equal to 100",
        ),
        (
            "connections/x.yaml",
            "connector: douyin_leads\nsettings: {sources: []}\nsecrets: {push_token: canary}\n",
            r"x.yaml:3:23: a secret does not belong into a file — write \{env: A_VARIABLE\}, or kept",
        ),
        (
            "connections/x.yaml",
            "connector: douyin_leads\nsettings:\n  push_token: canary\n",
            r"x.yaml:3:3: 'push_token' is a secret and does not belong into a file",
        ),
        (
            "connections/x.yaml",
            "connector: douyin_leads\nsecrets: {push_tokn: kept}\n",
            r"x.yaml:2:11: .*'push_token'",
        ),
        ("connections/x.yaml", "connector: douyin_leads\n", r"x.yaml:1:1: Value error.*refresh_token"),
        ("code_tables/x.csv", "key,value\na,1\na,2\n", r"x.csv:3"),
        ("code_tables/tables.yaml", "people: {owner: boss}\n", r"tables.yaml:1:17: unknown owner 'boss'"),
        (f"mappings/{PUSH}@x/mapping.yaml", "override: a.b\n", r"mapping.yaml:1:11: no connector uses"),
        (
            "mappings/kingdee.receipt/mapping.yaml",
            "override: kingdee.receivable\n",
            r"the folder says 'kingdee.receipt'.* — call the folder 'kingdee.receivable'",
        ),
        ("routing.yaml", "teams: 1\n", r"routing.yaml:1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_remedy(
    tmp_path: Path, file: str, text: str, told: str
) -> None:
    write_folder(tmp_path, State(code_tables={"people": PEOPLE}), rules=DEFAULTS)
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=told):
        read_folder(tmp_path, State())


def test_a_section_without_its_folder_is_left_alone(tmp_path: Path) -> None:
    assert read_folder(tmp_path, State()) == State()
    write_folder(tmp_path, State(), rules=DEFAULTS)
    assert read_folder(tmp_path, State()) == State({}, {}, {})
    with pytest.raises(ConfigurationError, match="is no folder"):
        read_folder(tmp_path / "none", State())


def test_rule_files_that_say_something_else_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path, State(), rules=DEFAULTS)
    assert other_rules(tmp_path, DEFAULTS) == []
    (tmp_path / "routing.yaml").write_bytes((tmp_path / "routing.yaml").read_bytes() + b"# other\n")
    assert other_rules(tmp_path, DEFAULTS) == ["routing.yaml"]


CHOICES = st.one_of(
    st.text(max_size=12), st.from_regex(r"[0-9eE.+-]{1,12}"), st.sampled_from(["yes", "~", "= 1"])
)


@given(st.dictionaries(st.text("abc中", min_size=1, max_size=3), CHOICES, max_size=4))
@example({"a": "one\x85two\u2028three\n"})
@settings(max_examples=40)
def test_a_setting_comes_back_from_its_file_as_it_was(names: dict[str, str]) -> None:
    """Whatever it looks like to YAML."""
    chosen = {"sources": [], "push_names": names} if names else {"sources": []}
    state = ConnectionState("douyin_leads", chosen)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), State(connections={"ads": state}), rules=DEFAULTS)
        assert read_folder(Path(folder), State()).connections == {"ads": state}
