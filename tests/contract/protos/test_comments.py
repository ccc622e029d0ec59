from collections.abc import Iterator

from stack.descriptors import Contracts


def _documented_names(contracts: Contracts) -> Iterator[str]:
    for service in contracts.services:
        yield service.full_name
    for method in contracts.methods:
        yield method.full_name
    for message in contracts.messages:
        yield message.full_name
        yield from (field.full_name for field in message.fields)
    for enum in contracts.enums:
        yield enum.full_name
        yield from (f"{enum.full_name}.{value.name}" for value in enum.values)


def test_every_service_rpc_message_field_and_enum_value_is_commented(contracts: Contracts) -> None:
    names = list(_documented_names(contracts))
    assert len(names) > 1000
    assert [name for name in names if not contracts.comment(name)] == []


def test_comments_are_sentences(contracts: Contracts) -> None:
    bad = []
    for name in _documented_names(contracts):
        text = contracts.comment(name)
        if (not text[:1].isupper() and text[:1] not in '`"0123456789') or text[-1:] not in ".:`)":
            bad.append(f"{name}: {text}")
    assert bad == []


def test_no_comment_is_a_note_to_self(contracts: Contracts) -> None:
    words = ("TODO", "FIXME", "XXX", "TBD")
    # ISO 4217 has a currency of that name.
    comments = {name: contracts.comment(name).replace("`XXX`", "") for name in _documented_names(contracts)}
    assert [name for name, comment in comments.items() if any(word in comment for word in words)] == []
