"""The `csms` command: reads the command line and hands over to the module that does the work.

Each command imports what it needs when it is called, so that `csms token` answers at once. Every failure is one line on
stderr and an exit code other than 0.
"""

import argparse
import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from stack import dotenv
from stack.errors import NotRunningError, StackError
from stack.topology import EDGE, SERVICES

_ROLES = ("admin", "operator", "viewer", "driver")
_TTL_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0, 1 for a failure, 2 for a bad command line, 130 for an interrupt."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        dotenv.read(Path(".env"))
        # The options of these are their own.
        own = {"simulate": _simulator, "load": _load, "chaos": _chaos, "bench": _bench, "conformance": _conformance}
        if words and words[0] in own:
            return own[words[0]](words[1:])
        options = _parser().parse_args(words)
        code: int = options.run(options)
        return code
    except StackError as error:
        print(f"csms: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to be told, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("LOG_LEVEL", "").lower() == "debug":
            traceback.print_exc()
        print(f"csms: {type(error).__name__}: {error} (LOG_LEVEL=debug shows where)", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="csms", description="Run a charging station management system.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start everything and stay until Ctrl-C")
    up.add_argument("--no-demo", action="store_true", help="without demo data and simulated charge points")
    up.add_argument("--restart", action="store_true", help="start a part that dies again, instead of stopping all")
    up.add_argument("--detach", action="store_true", help="return when it is up; `csms stop` stops it")
    up.set_defaults(run=_up)
    commands.add_parser("stop", help="stop the stack that runs on the state directory").set_defaults(run=_stop)
    commands.add_parser("status", help="show who serves on which port").set_defaults(run=_status)
    commands.add_parser("migrate", help="bring the databases to the newest revision").set_defaults(run=_migrate)
    clean = commands.add_parser("clean", help="forget the state directory: data, keys, logs, older builds")
    clean.add_argument("--builds", action="store_true", help="only the builds that `csms bench --against` has made")
    clean.set_defaults(run=_clean)
    commands.add_parser("simulate", help="run a simulated charge point", add_help=False)
    commands.add_parser("load", help="put the running stack under load and print what it did", add_help=False)
    commands.add_parser("bench", help="measure a stack of its own and write a report", add_help=False)
    commands.add_parser("chaos", help="break a stack of its own under a fleet, and audit it", add_help=False)
    commands.add_parser("conformance", help="try a running stack by the public test cases for a CSMS", add_help=False)

    token = commands.add_parser("token", help="print an access token")
    token.add_argument("--role", required=True, choices=_ROLES)
    token.add_argument("--driver", metavar="ID", help="the driver that the token is for (role driver)")
    token.add_argument("--subject", metavar="ID", help="the account it stands for (default: you, at the command line)")
    token.add_argument("--tenant", metavar="ID", help="the tenant that it belongs to (default: default)")
    token.add_argument("--ttl", type=_seconds, default="12h", metavar="TIME", help="90s, 15m, 12h or 30d (default 12h)")
    token.set_defaults(run=_token)

    rotation = commands.add_parser("rotate-key", help="give a service a new key to show itself by, from its next start")
    rotation.add_argument("service", choices=(*SERVICES, EDGE))
    rotation.add_argument("--revoke", action="store_true", help="the old key is good no more, also before that start")
    rotation.set_defaults(run=_rotate_key)

    tariff = commands.add_parser("tariff", help="try tariffs by worked examples, without a running system")
    tests = tariff.add_subparsers(required=True, metavar="ACTION").add_parser("test", help="price the cases of a file")
    tests.add_argument("file", type=Path, metavar="FILE", help="YAML or JSON, see examples/tariffs")
    tests.add_argument("--lines", action="store_true", help="show every line of every bill")
    tests.set_defaults(run=_tariff_test)

    why = commands.add_parser("explain", help="show how the price of a charging session comes about")
    why.add_argument("session", metavar="SESSION", help="id of the charging session")
    why.add_argument("--tenant", metavar="ID", help="the tenant that it belongs to (default: default)")
    why.set_defaults(run=_explain)

    render = commands.add_parser("render-envoy", help="write Envoy's configuration for services that run elsewhere")
    render.add_argument("--output", type=Path, required=True, metavar="FILE")
    render.add_argument("--validate", action="store_true", help="let Envoy check it")
    render.set_defaults(run=_render_envoy)
    return parser


def _up(options: argparse.Namespace) -> int:
    from stack import background, forks, inherited, settings, state

    chosen = settings.load()
    place = state.State(chosen.state_dir.absolute())
    if options.detach:
        given = ("--no-demo", options.no_demo), ("--restart", options.restart)
        print(background.up(place, [name for name, is_set in given if is_set]))
        return 0
    with forks.ForkServer() as server:
        # It loads longest of all: before the rest is loaded here.
        server.start(inherited.process_environment(), place.logs / "forks.log")
        from stack import runner

        runner.up(chosen, server, with_demo=not options.no_demo, restart=options.restart)
    return 0


def _stop(_options: argparse.Namespace) -> int:
    from stack import background, settings, state

    place = state.State(settings.load().state_dir.absolute())
    background.stop(place)
    print(f"stopped the stack on {place.root}")
    return 0


def _migrate(_options: argparse.Namespace) -> int:
    from stack import runner, settings

    runner.migrate(settings.load())
    return 0


def _status(_options: argparse.Namespace) -> int:
    from stack import health, settings, state

    chosen = settings.load()
    place = state.State(chosen.state_dir.absolute())
    running = place.running()
    if running is None:
        raise NotRunningError(f"no stack runs on {place.root}")
    answers = health.ask(running.ports, chosen.public_host)
    print(f"a stack runs on {place.root} (process {running.pid})")
    for one in answers:
        print(f"  {one.name:<12} {one.port:>5}  {'serving' if one.serving else 'NOT SERVING':<12} {one.message}")
    return 0 if all(one.serving for one in answers) else 1


def _clean(options: argparse.Namespace) -> int:
    from stack import builds, settings, state

    place = state.State(settings.load().state_dir.absolute())
    if options.builds:
        builds.remove(place.builds)
        print(f"forgot the builds in {place.builds}")
        return 0
    place.forget()
    print(f"forgot {place.root}")
    return 0


def _token(options: argparse.Namespace) -> int:
    from stack import keys, settings, state

    folder = state.State(settings.load().state_dir.absolute()).keys
    token = keys.mint(
        folder,
        role=options.role,
        driver_id=options.driver,
        ttl_seconds=options.ttl,
        subject=options.subject,
        tenant_id=options.tenant,
    )
    print(token)
    return 0


def _rotate_key(options: argparse.Namespace) -> int:
    from stack import service_keys, settings, state

    folder = state.State(settings.load().state_dir.absolute()).keys
    service_keys.rotate(folder, options.service, revoke=options.revoke)
    old = "the old one is good no more" if options.revoke else "the old one stays good until the next rotation"
    print(f"{options.service} has a new key from its next start; {old}")
    return 0


def _tariff_test(options: argparse.Namespace) -> int:
    from stack import tariff_tests

    return tariff_tests.run(options.file, shows_lines=options.lines)


def _explain(options: argparse.Namespace) -> int:
    from stack import explain, keys, settings, state
    from stack.rest import Facade

    chosen = settings.load()
    place = state.State(chosen.state_dir.absolute())
    token = keys.mint(place.keys, role="viewer", driver_id=None, ttl_seconds=60, tenant_id=options.tenant)
    print(explain.told(Facade(chosen.public_host, chosen.ports()["gateway"], token), options.session))
    return 0


def _render_envoy(options: argparse.Namespace) -> int:
    from stack import config, envoy, keys, settings, state

    if chosen := os.environ.get("JWT_JWKS_FILE"):
        jwks = Path(chosen)
    else:
        jwks = keys.ensure(state.State(settings.load().state_dir.absolute()).keys).jwks_file
    config.render(config.cluster_values(os.environ, jwks), options.output)
    if options.validate:
        envoy.validate(options.output)
    return 0


def _simulator(arguments: Sequence[str]) -> int:
    from stack import config, inherited, settings

    ports = config.public_ports(settings.load().ports())
    environment = {**os.environ, **ports, "PYTHONPATH": inherited.python_path()}
    # A mixed fleet is made known to the stack, and audited: the simulator itself knows neither.
    if any(word.partition("=")[0] == "--fleet" for word in arguments):
        os.environ.update(environment)
        try:
            from chaos import simulated
        except ModuleNotFoundError as error:
            raise StackError(f"csms simulate --fleet needs a checkout with all extras: {error}") from error
        return simulated.main(arguments)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "simulator", *arguments], environment)


def _load(arguments: Sequence[str]) -> int:
    return _simulator(["load", *arguments])


def _chaos(arguments: Sequence[str]) -> int:
    try:
        from chaos import command
    except ModuleNotFoundError as error:
        raise StackError(f"csms chaos needs a checkout with all extras: {error}") from error
    return command.main(arguments)


def _bench(arguments: Sequence[str]) -> int:
    from bench import command

    return command.main(arguments)


def _conformance(arguments: Sequence[str]) -> int:
    from stack import keys, settings, state

    try:
        from conformance import command
    except ModuleNotFoundError as error:
        raise StackError(f"csms conformance needs a checkout with all extras: {error}") from error
    chosen = settings.load()
    ports, folder = chosen.ports(), state.State(chosen.state_dir.absolute()).keys
    local = command.Local(
        f"http://127.0.0.1:{ports['gateway']}",
        f"ws://127.0.0.1:{ports['ocpp']}/ocpp",
        lambda: keys.mint(folder, role="admin", driver_id=None, ttl_seconds=3600),
    )
    return command.main(arguments, local)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)([smhd]?)", text)
    if not found or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90s, 15m, 12h or 30d")
    return int(found[1]) * _TTL_UNITS[found[2]]


if __name__ == "__main__":
    sys.exit(main())
