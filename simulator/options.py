"""Kinds of options that the command lines of the simulator share: URLs, times, counts, credentials."""

import argparse
import logging
import os
import ssl
import sys
from pathlib import Path

from services.kernel.identity import InvalidIdentity, identity_of
from simulator.scenario import Scenario
from simulator.transport import Endpoint


def default_url() -> str:
    """Where the stack of this machine listens for charge points."""
    return f"ws://localhost:{os.environ.get('OCPP_WEBSOCKET_PORT') or '4000'}/ocpp"


def add_endpoint_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how to connect."""
    parser.add_argument("--password", type=os.fsencode, metavar="TEXT", help="password for HTTP Basic authentication")
    parser.add_argument("--ca", type=trusting, metavar="FILE", help="certificates to trust, for wss://")


def endpoint(options: argparse.Namespace) -> Endpoint:
    """What `add_endpoint_options` and a `url` amount to."""
    return Endpoint(options.url, options.password, options.ca)


def websocket_url(text: str) -> str:
    """An option that is a WebSocket URL."""
    if not text.startswith(("ws://", "wss://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with ws:// or wss://")
    return text


def identity(text: str) -> str:
    """An option that is what a charge point may be called."""
    try:
        return identity_of(text)
    except InvalidIdentity as error:
        raise argparse.ArgumentTypeError(f"{text!r} {error}") from None


def names(text: str) -> list[str]:
    """An option that is a list of words with commas between them."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    if not found:
        raise argparse.ArgumentTypeError("is empty")
    return found


def scenario_file(text: str) -> Scenario:
    """An option that is a scenario in YAML: the name of one that comes with the simulator, or a file."""
    # Only who asks for one needs to be able to read YAML.
    from simulator.scenario_file import ScenarioError, load, names, shipped

    try:
        if text in names():
            return shipped(text)
        if not Path(text).exists():
            raise argparse.ArgumentTypeError(f"{text!r} is no file, nor one of `csms simulate scenarios`: {names()}")
        return load(Path(text))
    except ScenarioError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def positive(text: str) -> int:
    """An option that is a number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def seconds(text: str) -> float:
    """An option that is a positive time in seconds."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return number


def share(text: str) -> float:
    """An option that is a part of a whole, from 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return number


def show_warnings(*, level: int = logging.WARNING) -> None:
    """Let warnings of the simulator be seen on stderr."""
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)


def trusting(path: str) -> ssl.SSLContext:
    """An option that is a file of certificates to trust."""
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error
