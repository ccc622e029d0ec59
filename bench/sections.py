"""The sections of a run, put together: registers the chargers and lists every step in the order of the report."""

from contextlib import ExitStack

from bench.laboratory import Laboratory, identities_of
from bench.plan import wanted_classes
from bench.steps import Step, tell
from bench.traffic import Traffic
from simulator.load.registration import Registrar


def prepare(laboratory: Laboratory, resources: ExitStack) -> list[Step]:
    """Make what the sections need and return their steps; `resources` are released at the end of the run."""
    sizes = laboratory.sizes
    _register(laboratory)
    todo: list[Step] = []
    if "traffic" in sizes.sections:
        todo += Traffic(laboratory).steps()
    return todo


def _register(laboratory: Laboratory) -> None:
    sizes = laboratory.sizes
    counts = {"1.6": sizes.registered, "2.0.1": sizes.connections}
    if all(each.version == "1.6" for each in wanted_classes(sizes)):
        del counts["2.0.1"]
    registrar = Registrar(laboratory.system.rest_url, laboratory.system.token)
    for version, count in counts.items():
        tell(f"registering {count} charge points and cards of OCPP {version}")
        identities = identities_of(version, count)
        registrar.register(identities, identities)
