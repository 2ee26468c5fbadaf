"""What the suite must know of one vendor beside its ports: a little data, kept with the vendor's name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.ports import Translator


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person does at the vendor: `POST /_sandbox/act/{name}`."""

    name: str
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a document stands in the sandbox's books. `needle` is what its row contains; {} is our number."""

    table: str
    needle: str = '"{}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """`settings` come on top of the address and the credentials that the sandbox prints."""

    connector: str
    sandbox: str
    variant: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    mappings: Translator
    note: str = ""
    """What a reader of the page should know about this report."""
    prepare: Sequence[Act] = ()
    unused: Sequence[str] = ()
    """Secret settings that this variant does not send."""
    wrong: Mapping[str, object] = field(default_factory=dict)
    """Settings that do not let it in, where that is not decided by secrets."""
    by_hand: Act | None = None
    """What a person does with each new document where the vendor has no call for it: verifying."""
    customer: str = ""
    """One that the vendor's base data holds, where customers are not ours to create."""
    books: Mapping[str, Found] = field(default_factory=dict)
    """Kind of document (customer, receivable, receipt, flow) → where to count it."""

    answered_later: Mapping[str, object] = field(default_factory=dict)
    """Settings under which the vendor acknowledges a write first, and says later what became of it."""
    due_dates: bool = True
    """A receivable there says when it is due."""

    login: str | None = None
    """Part of the path that gives out tokens or sessions; None: every request is signed by itself."""
    login_works_once: bool = False
    """Each login uses a grant up: whether a lost answer to one can be repaired is the vendor's matter."""
    other_doors: Sequence[str] = ()
    """Parts of paths that do not answer in the vendor's envelope, an object store for example."""
    comes_again: Sequence[str] = ()
    """Listed error codes after which a delivery is carried out again by itself: a code, or a code, | and a
    piece of its sentence; * for all, also those that nobody has listed. After all others a person is told."""
    strange_status: tuple[bytes, bytes] | None = None
    """Regular expression over a reply and its replacement: the state becomes a word that nobody knows."""
    states_of: Sequence[str] = ("receivable", "receipt", "flow")
    """Kinds of documents whose reply carries a state."""
    small_pages: Mapping[str, object] = field(default_factory=dict)
    """Settings that make a page a few rows."""
    small_pages_act: Act | None = None
    """The same on the sandbox's side."""
    unpaged: Sequence[str] = ()
    """Kinds of documents that it lists in one reply, however many there are."""
    remove: Callable[[str, str], Act] | None = None
    """(kind, number) → the act that deletes a document while we read."""
    close_period: Callable[[str], Act] | None = None
    """Month (2026-01) → the act after which nothing may be posted in it."""

    sign: Callable[[str], Act] | None = None
    decline: Callable[[str], Act] | None = None
    """flow id → the act."""
    sign_next: Callable[[str], Act] | None = None
    """The act by which whose turn it is signs; it answers {"signers": their states in our order}."""
    uploads: str | None = None
    """The table whose rows hold uploaded files, in Base64."""
    submit: Callable[[int, bool], Act] | None = None
    """(how many leads, pushed too) → the act; its answer lists their ids in its only value."""
    subscribe: Callable[[str, Mapping[str, object]], Act] | None = None
    """(address of our hook, the connection's settings) → the act that makes the vendor push there."""
    hook_headers: Sequence[str] = ()
    """Headers (lower case) on which a callback's verification rests."""
    hook_signs_body: bool = True
    hook_ages: bool = False
    """A callback of yesterday is refused."""
    folder: str | None = None
    """The setting that names a folder; an empty one is given."""
    statement: Callable[[str], Sequence[Act]] | None = None
    """folder → the acts after which a statement with one payment lies there."""
