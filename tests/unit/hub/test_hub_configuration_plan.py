from crm_store.mapping_versions import MappingText
from hub.configuration_plan import (
    CodeTableState,
    ConnectionState,
    FieldChange,
    Plan,
    State,
    plan,
    rows_of,
)

SHIPPED = {"a.b": "mapping: a.b\nfrom: x\nto: y\nfields:\n  Name: name\n  Code: code\n"}


def _plan(wanted: State, found: State) -> Plan:
    return plan(wanted, found, shipped=SHIPPED)


def _told(wanted: State, found: State) -> list[tuple[str, str, str, bool]]:
    return [
        (change.section, change.name, change.action, change.destructive)
        for change in _plan(wanted, found).changes
    ]


def _connections(**settings: object) -> State:
    return State(connections={"erp": ConnectionState("kingdee", settings, {"password": "old"})})


NOTHING = State({}, {}, {})


def test_equal_states_make_an_empty_plan() -> None:
    state = State(
        {"erp": ConnectionState("kingdee", {"a": 1}, {"password": "x"})},
        {"t": CodeTableState("T", "it", {"k": "v"})},
        {("a.b", None): MappingText(SHIPPED["a.b"], {})},
    )
    assert _plan(state, state).changes == ()
    assert not _plan(state, state).destructive


def test_a_section_that_is_not_there_is_left_alone() -> None:
    assert _plan(State(), _connections()).changes == ()


def test_connections_come_change_and_go() -> None:
    assert _told(_connections(), NOTHING) == [("connections", "erp", "create", False)]
    assert _told(NOTHING, _connections()) == [("connections", "erp", "delete", True)]
    (change,) = _plan(_connections(a=2, b=1), _connections(a=1, c=1)).changes
    assert change.fields == (
        FieldChange("a", 1, 2),
        FieldChange("c", 1, None),
        FieldChange("b", None, 1),
    )
    assert not change.destructive


def test_another_connector_is_destructive() -> None:
    other = State(connections={"erp": ConnectionState("yonyou_u8", {})})
    assert _told(other, _connections()) == [("connections", "erp", "change", True)]


def test_a_secret_shows_that_it_changes_and_nothing_else() -> None:
    wanted = State(connections={"erp": ConnectionState("kingdee", {}, {"password": "canary-new"})})
    found = _plan(wanted, _connections())
    (change,) = found.changes
    assert change.fields == (FieldChange("password", "***", "***"),)
    assert "canary" not in str(found.as_json())
    assert "canary" not in repr(wanted)


def test_a_secret_that_the_file_does_not_give_is_kept_and_one_that_nobody_has_is_said() -> None:
    named = ConnectionState("kingdee", {}, {}, frozenset({"password"}))
    assert _plan(State(connections={"erp": named}), _connections()).changes == ()
    (change,) = _plan(State(connections={"erp": named}), NOTHING).changes
    assert "password" in change.notes[0]


def test_rows_of_a_code_table_are_told_one_by_one() -> None:
    before = State(code_tables={"t": CodeTableState("T", "it", {"a": "1", "b": "2"})})
    after = State(code_tables={"t": CodeTableState("T", "finance", {"a": "1", "b": "3", "c": "4"})})
    (change,) = _plan(after, before).changes
    assert change.fields == (
        FieldChange("(owner)", "it", "finance"),
        FieldChange("b", "2", "3"),
        FieldChange("c", None, "4"),
    )
    assert not change.destructive
    assert _plan(before, after).destructive, "a row goes"
    assert _told(NOTHING, before) == [("code_tables", "t", "delete", True)]


def _mapping(text: str, connection: str | None = None) -> State:
    return State(mappings={("a.b", connection): MappingText(text, {})})


def test_a_mapping_is_compared_row_by_row_with_the_shipped_file_at_its_ends() -> None:
    text = SHIPPED["a.b"].replace("Code: code", "Code: {from: code, max: 3}")
    change = (FieldChange("Code", "code", {"from": "code", "max": 3}),)
    assert _plan(_mapping(text), NOTHING).changes[0].fields == change
    (back,) = _plan(NOTHING, _mapping(text)).changes
    assert (back.action, back.destructive) == ("delete", True)
    assert back.fields == (FieldChange("Code", {"from": "code", "max": 3}, "code"),)
    assert _plan(_mapping(text + "# note\n"), _mapping(text)).changes[0].fields[0].field == "(text)"


def test_an_override_is_compared_with_nothing() -> None:
    (change,) = _plan(_mapping("override: a.b\nfields: {Name: {value: x}}\n", "erp"), NOTHING).changes
    assert (change.name, change.fields) == ("a.b@erp", (FieldChange("Name", None, {"value": "x"}),))


def test_rows_of_lists_and_what_is_no_row_are_seen() -> None:
    rows = "{each: lines, fields: {S: sku, M: {each: this, fields: {N: n}}}}"
    text = f"override: a.b\nremove: [X]\nfields:\n  L: {rows}\n"
    assert rows_of(text) == {
        "remove": ["X"],
        "L": {"each": "lines"},
        "L[*].S": "sku",
        "L[*].M": {"each": "this"},
        "L[*].M[*].N": "n",
    }


def test_the_digest_names_the_decision_and_not_its_remarks() -> None:
    first, second = _plan(_connections(), NOTHING), _plan(_connections(a=1), NOTHING)
    assert first.digest != second.digest
    assert first.digest == Plan(first.changes, ("remark",)).digest
