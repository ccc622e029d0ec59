import re
from itertools import combinations

import pytest

from stack import port_claims
from stack.config import PROJECT
from stack.errors import StackError


def _ports(offset: int) -> set[int]:
    return {number for _, number in port_claims.moved(offset, replicas=2).everyone()}


def test_two_stacks_never_share_a_port() -> None:
    for one, other in combinations(port_claims.OFFSETS, 2):
        assert not _ports(one) & _ports(other), (one, other)


def test_no_stack_listens_where_an_offset_is_claimed() -> None:
    claims = {port_claims.CLAIM + offset for offset in port_claims.OFFSETS}
    for offset in port_claims.OFFSETS:
        assert not _ports(offset) & claims


def test_no_port_is_one_that_an_outgoing_connection_may_have() -> None:
    assert max(max(_ports(port_claims.OFFSETS[-1])), port_claims.CLAIM + port_claims.OFFSETS[-1]) < 32_768


def test_the_second_stack_of_the_readme_stands_beside_the_first() -> None:
    reported = re.findall(r"CSMS_PORT_OFFSET=(\d+)", (PROJECT / "README.md").read_text(encoding="utf-8"))
    assert reported
    for offset in map(int, reported):
        assert not _ports(0) & _ports(offset)
        assert max(_ports(offset)) < 32_768


def test_an_offset_is_given_once_and_again_when_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with port_claims.claimed_offset() as offset:
        # Others may have stacks on this machine.
        monkeypatch.setattr(port_claims, "OFFSETS", range(offset, offset + 1))
        with pytest.raises(StackError), port_claims.claimed_offset():
            pass
    with port_claims.claimed_offset() as again:
        assert again == offset
