"""What certification must know of each vendor beside its ports: `BENCHES` of each module here."""

import importlib
import pkgutil
from collections.abc import Sequence

from connector_kit.certify import Bench


def benches(connector: str | None = None) -> Sequence[Bench]:
    """Of one connector or of all, by connector and variant."""
    modules = [importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__)]
    found = [bench for module in modules for bench in module.BENCHES]
    return sorted(
        (bench for bench in found if connector in (None, bench.connector)),
        key=lambda bench: (bench.connector, bench.variant),
    )
