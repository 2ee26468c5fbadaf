"""What is wrong with a file, where, and what to do about it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rapidfuzz import fuzz, process


class ConfigurationError(Exception):
    """A file that people write is wrong at this place."""

    def __init__(
        self, message: str, *, file: str, line: int = 1, column: int = 1, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.remedy = remedy

    def __str__(self) -> str:
        advice = f" — {self.remedy}" if self.remedy else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{advice}"

    @property
    def errors(self) -> tuple["ConfigurationError", ...]:
        return (self,)


class ConfigurationErrors(ConfigurationError):
    """Several places of a file are wrong; the first one gives the position."""

    def __init__(self, errors: Sequence[ConfigurationError]) -> None:
        first = errors[0]
        super().__init__(
            first.message, file=first.file, line=first.line, column=first.column, remedy=first.remedy
        )
        self._errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self._errors)

    @property
    def errors(self) -> tuple[ConfigurationError, ...]:
        return self._errors


class Problems:
    """Collects errors, so that a person sees all of them at once."""

    def __init__(self) -> None:
        self._found: list[ConfigurationError] = []

    @contextmanager
    def collecting(self) -> Iterator[None]:
        try:
            yield
        except ConfigurationError as error:
            self._found.extend(error.errors)

    def add(self, error: ConfigurationError) -> None:
        self._found.extend(error.errors)

    def raise_if_any(self) -> None:
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            raise ConfigurationErrors(
                sorted(self._found, key=lambda error: (error.file, error.line, error.column))
            )


def did_you_mean(word: str, choices: Iterable[str], *, alike: int = 60) -> str | None:
    """`alike`: percent; 85 is a slip of the pen."""
    nearest = process.extractOne(word, list(choices), scorer=fuzz.ratio, score_cutoff=alike)
    return f"did you mean '{nearest[0]}'?" if nearest else None
