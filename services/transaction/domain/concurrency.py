"""Tokens in use: what is decided about a token that charges elsewhere already, by the operator's policy. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.tokens import is_same
from services.transaction.domain.fact import Authorization, TransactionEvent, transaction_id_of
from services.transaction.domain.reading import LastRead
from services.transaction.domain.transaction import Transaction, TransactionState

CONCURRENT_TX_ALLOWED = "concurrent_tx_allowed"
"""Flag of a transaction that was accepted although its token, or one of its group, was in use elsewhere."""

# A transaction that began longer ago blocks its token nowhere else: its end may never be told.
_LONGEST_USE = timedelta(hours=24)
# Tenant, whether it is a card or a group, and its value.
_Token = tuple[str, str, str]


class Policy(StrEnum):
    """What becomes of a transaction whose token is in use elsewhere; the later ones are stricter."""

    OFF = "off"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Concurrency:
    """The policies for one card in two places, and for two cards of one group. A transaction of which nothing was heard
    for `silence` does not keep its card in use: its charge point may have forgotten it, or be gone."""

    per_card: Policy = Policy.REFUSE
    per_group: Policy = Policy.OFF
    silence: timedelta = timedelta(hours=2)

    def policy_for(self, event: TransactionEvent, other: Transaction) -> Policy:
        """The policy for the token of `event` beside that of another transaction."""
        if is_same(other.token, event.token):
            return self.per_card
        return self.per_group if event.group_id and other.group_id == event.group_id else Policy.OFF


def tokens_that_matter(event: TransactionEvent, rules: Concurrency) -> tuple[str, str]:
    """The card and the group of an event whose use elsewhere matters; empty where it does not."""
    if not event.presents_good_token:
        return "", ""
    card = event.id_tag if rules.per_card is not Policy.OFF else ""
    return card, event.group_id if rules.per_group is not Policy.OFF else ""


def decided(
    event: TransactionEvent, others: Iterable[Transaction], rules: Concurrency, read: Mapping[str, LastRead]
) -> tuple[Authorization | None, tuple[str, ...]]:
    """The decision about a good token beside other transactions, with the flags that it raises; `read` says when
    something was read last of transactions, by their ids."""
    in_the_way = (
        rules.policy_for(event, other)
        for other in others
        if _holds_its_token(other, event) and not _is_silent(other, event, rules, read)
    )
    match max(in_the_way, key=_STRICTNESS.index, default=Policy.OFF):
        case Policy.REFUSE:
            return Authorization.CONCURRENT_TX, ()
        case Policy.WARN:
            return event.authorization, (CONCURRENT_TX_ALLOWED,)
    return event.authorization, ()


def rivals(
    batch: Iterable[tuple[TransactionEvent, str]], stored: Iterable[Transaction], rules: Concurrency
) -> list[str]:
    """The transactions that may keep tokens of a batch, events with their keys, in use: when they were heard of
    matters."""
    in_use = [transaction for transaction in stored if transaction.state is TransactionState.ACTIVE]
    if not in_use:
        return []
    own: defaultdict[_Token, set[str]] = defaultdict(set)
    for event, key in batch:
        if event.presents_good_token:
            card, group = tokens_that_matter(event, rules)
            # The transaction of the event itself, by the key of its start or by its id.
            themselves = {key, transaction_id_of(event.charge_point_id, event.ocpp_transaction_id)}
            for token in filter(all, ((event.tenant_id, _CARD, card), (event.tenant_id, _GROUP, group))):
                own[token] |= themselves
    return [transaction.id for transaction in in_use if _is_rival(transaction, own)] if own else []


def _is_rival(transaction: Transaction, own: Mapping[_Token, set[str]]) -> bool:
    whose = transaction.tenant_id
    tokens = ((whose, _CARD, transaction.id_tag), (whose, _GROUP, transaction.group_id))
    return any(token in own and own[token].isdisjoint({transaction.id, transaction.start_key}) for token in tokens)


def _holds_its_token(transaction: Transaction, event: TransactionEvent) -> bool:
    return (
        transaction.state is TransactionState.ACTIVE
        # Two tenants may have given out cards of one value.
        and transaction.tenant_id == event.tenant_id
        and transaction.authorization is Authorization.ACCEPTED
        and timedelta() <= event.corrected_time - transaction.begin_time < _LONGEST_USE
    )


def _is_silent(
    transaction: Transaction, event: TransactionEvent, rules: Concurrency, read: Mapping[str, LastRead]
) -> bool:
    """Whether nothing was heard of a transaction for long: its start, what it told since, and readings."""
    last_sign: datetime = max([transaction.last_sign, *read.get(transaction.id, ())])
    return event.received_time - last_sign > rules.silence


_STRICTNESS = list(Policy)
_CARD, _GROUP = "card", "group"
