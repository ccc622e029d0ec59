import pytest

from chaos.stream import Consumer, wants


@pytest.mark.parametrize(
    ("pattern", "subject", "is_expected"),
    [
        ("csms.event.transaction.transaction.*", "csms.event.transaction.transaction.ended.CP1", True),
        ("csms.event.transaction.transaction.*", "csms.event.transaction.transaction.CP1", False),
        ("csms.event.transaction.transaction.*", "csms.event.transaction.transaction.ended.CP1.more", False),
        ("csms.event.transaction.transaction.*", "csms.event.transaction.command.changed.CP1", False),
        ("csms.event.>", "csms.event.driver.token.changed.1", True),
        ("csms.event.>", "csms.event.1", False),
        ("csms.event.a", "csms.event.a.1", True),
    ],
)
def test_a_consumer_wants_what_its_subjects_match(pattern: str, subject: str, is_expected: bool) -> None:
    assert wants(Consumer("one", ["another.subject", pattern], 0), subject) is is_expected
