"""The one screen shown when the stack is up: where everything is, how to get a token, what to try."""

import shutil
import sys
from pathlib import Path

from stack import demo, health
from stack.settings import StackSettings
from stack.state import State
from stack.topology import SERVICES

FIRST_WORDS = "CSMS is up after"
"""What the screen begins with."""

_SCREEN = """
{first_words} {seconds:.1f} s. {how_to_stop}

  REST and gRPC    {gateway}   documentation: {gateway}/docs
  one service      {services}
  dashboard        http://{host}:{monitoring}/analytics/dashboard
  charge points    ws://{host}:{ocpp}/ocpp/<charge point id>
  logs             {logs}

A token, and a first call with it:

  TOKEN=$({csms} token --role operator)
  curl -H "Authorization: Bearer $TOKEN" {gateway}/stations

Who is there:  {csms} status
"""

_DEMO = """
Try a charge point of your own, and look at what it did:

  {csms} simulate CP001 1.6
  curl -H "Authorization: Bearer $TOKEN" "{gateway}/charging-sessions?chargePointId=CP001"
  curl -H "Authorization: Bearer $TOKEN" {gateway}/charge-points/CP001/messages

A password works as well: {operator}, {password}
"""


def screen(settings: StackSettings, state: State, seconds: float, with_demo: bool) -> str:
    """The text of the screen for a stack that took `seconds` to come up."""
    ports = settings.ports()
    host = health.reachable(settings.public_host)
    # The default directory is found by itself, another one must be named.
    standard = state.root == type(settings).model_fields["state_dir"].default.absolute()
    text = _SCREEN + _DEMO if with_demo else _SCREEN
    csms = _command() if standard else f"CSMS_STATE_DIR={state.root} {_command()}"
    return text.format(
        first_words=FIRST_WORDS,
        seconds=seconds,
        host=host,
        gateway=f"http://{host}:{ports['gateway']}",
        services=", ".join(f"{name} {ports[name]}" for name in SERVICES),
        ocpp=ports["ocpp"],
        monitoring=ports["monitoring"],
        logs=state.logs,
        csms=csms,
        how_to_stop=f"`{csms} stop` stops everything" + (", Ctrl-C here too." if sys.stdout.isatty() else "."),
        operator=demo.OPERATOR,
        password=f"kept in {state.demo_password}",
    )


def _command() -> str:
    """How the `csms` command is called from here: by its name when the shell finds it, else by its path."""
    ours = Path(sys.executable).with_name("csms")
    if shutil.which("csms") == str(ours):
        return "csms"
    here = Path.cwd()
    return str(ours.relative_to(here)) if ours.is_relative_to(here) else str(ours)
