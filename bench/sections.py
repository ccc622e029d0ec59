"""The sections of a run, put together: registers the chargers and lists every step in the order of the report."""

from contextlib import ExitStack, closing

from bench import certificate, seeding
from bench.aftermath import Aftermath
from bench.connections import Connections
from bench.growth import Growth
from bench.laboratory import PREFIX_OF, Laboratory, identities_of
from bench.naive import running as naive
from bench.reads import Reads
from bench.steps import Step, tell
from bench.storm import Storm
from bench.traffic import Traffic
from simulator.load.registration import Registrar


def prepare(laboratory: Laboratory, resources: ExitStack) -> list[Step]:
    """Make what the sections need and return their steps; `resources` are released at the end of the run."""
    sizes = laboratory.sizes
    _register(laboratory)
    with closing(laboratory.system.facade()) as facade:
        seeding.set_tariff(facade)
    made = certificate.make(laboratory.system.folder)
    todo: list[Step] = []
    if "traffic" in sizes.sections:
        todo += Traffic(laboratory, _naive_url(laboratory, resources)).steps()
        todo += Aftermath(laboratory).steps()
    if "connections" in sizes.sections:
        todo += Connections(laboratory, made).steps()
    if "storm" in sizes.sections:
        todo += Storm(laboratory, made).steps()
    if "reads" in sizes.sections:
        todo += Reads(laboratory).steps()
    if "growth" in sizes.sections:
        todo += Growth(laboratory).steps()
    return todo


def _naive_url(laboratory: Laboratory, resources: ExitStack) -> str:
    tell("starting the naive server")
    system = laboratory.system
    cards = identities_of("1.6", laboratory.sizes.connections)
    server = resources.enter_context(naive.running(system.database_url("postgres"), cards, system.folder))
    laboratory.meter.watch(server.pids)
    return server.url


def _register(laboratory: Laboratory) -> None:
    sizes = laboratory.sizes
    counts = {version: sizes.registered(version) for version in PREFIX_OF}
    registrar = Registrar(laboratory.system.rest_url, laboratory.system.token)
    for version, count in counts.items():
        tell(f"registering {count} charge points and cards of OCPP {version}")
        identities = identities_of(version, count)
        registrar.register(identities, identities)
