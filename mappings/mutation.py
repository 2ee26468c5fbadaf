"""Are the samples worth something? Each row is changed in turn, and some sample must notice.

A mutant is compiled from its row alone, and compared with that part of each sample: nothing is parsed again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mappings.compiler import compile_rows
from mappings.mapping import CompiledMapping, Mapped
from mappings.mutants import Mutant, mutants
from mappings.problems import Problem
from mappings.rows import Row
from mappings.samples import Sample, differences, read_samples, shown


@dataclass(frozen=True, slots=True)
class Score:
    """`unnoticed`: the mutants that no sample tells from the mapping."""

    mapping: str
    total: int
    unnoticed: tuple[Mutant, ...]

    @property
    def percent(self) -> int:
        return 100 * (self.total - len(self.unnoticed)) // self.total if self.total else 100


def score(mapping: CompiledMapping, *, judged: Callable[[], None] = lambda: None) -> Score:
    """The samples must pass as they are; see check_samples. `judged` is called after each row of the file."""
    samples = read_samples(mapping)
    total, unnoticed = 0, []
    for row in mapping.rows:
        narrowed = [_narrowed(sample, row) for sample in samples]
        for mutant in mutants(row, mapping.rows):
            total += 1
            if not _noticed(mutant.rows, narrowed):
                unnoticed.append(mutant)
        judged()
    return Score(mapping.name, total, tuple(unnoticed))


def _narrowed(sample: Sample, row: Row) -> Sample:
    """The sample as far as it is about this row."""
    (mapped,) = _run((row,), [sample])
    return replace(sample, out=_only(sample.out, row.keys), problems=tuple(shown(mapped.problems)))


def _only(out: Mapping[str, object], keys: Sequence[str]) -> dict[str, object]:
    """`out` without all that is not on the way to this target."""
    key, *rest = keys
    value = out.get(key)
    if not rest:
        return {} if value is None else {key: value}
    inner = _only(value, rest) if isinstance(value, Mapping) else {}
    return {key: inner} if inner else {}


def _noticed(rows: Sequence[Row], samples: Sequence[Sample]) -> bool:
    mapped = _run(rows, samples)
    return any(differences(*pair) for pair in zip(samples, mapped, strict=True))


def _run(rows: Sequence[Row], samples: Iterable[Sample]) -> Iterator[Mapped]:
    apply = compile_rows(rows, name="mutant")[0]
    for sample in samples:
        problems: list[Problem] = []
        yield Mapped(apply(sample.record, sample.tables, problems), problems)
