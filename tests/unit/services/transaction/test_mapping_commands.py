"""What of a command that a newer release has stored is shown, and sent."""

import pytest
from google.protobuf.json_format import ParseError

from csms.transaction.v1.command_pb2 import CommandBody
from services.transaction.mapping.commands import body_to_proto


def test_what_this_release_does_not_know_is_left_out_of_what_is_shown_and_never_of_what_is_sent() -> None:
    stored = {"connector_id": 2, "at_night_only": True}
    shown = body_to_proto("unlock", stored, to_show=True)
    assert (shown.WhichOneof("body"), shown.unlock.connector_id) == ("unlock", 2)
    assert body_to_proto("reset", {"type": "TOMORROW"}, to_show=True).WhichOneof("body") == "reset"
    assert body_to_proto("something_of_tomorrow", {}, to_show=True) == CommandBody()
    with pytest.raises(ParseError):
        body_to_proto("unlock", stored)
