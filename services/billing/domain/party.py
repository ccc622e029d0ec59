"""Who issues invoices and to whom they are addressed, in versions: an invoice names both as they were at its issue.

Numbers are checked by their form and check digits alone; nobody is asked whether they were given to anybody.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from services.billing.domain.taxation import TaxTreatment
from services.kernel.errors import conflict
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations

_COUNTRY = re.compile("[A-Z]{2}").fullmatch
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+").fullmatch
# Of countries whose numbers are not known here.
_VAT_ID = re.compile("[A-Z]{2}[0-9A-Z]{2,18}").fullmatch
# What stands before a Greek VAT id, and is no code of a country.
_GREEK, _GREECE = "EL", "GR"


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; the country as ISO 3166-1 alpha-2."""

    street: str = ""
    post_code: str = ""
    city: str = ""
    country_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who issues the invoices of a tenant. Without a VAT id there is a number at the local tax office."""

    name: str = ""
    address: Address = Address()
    vat_id: str = ""
    tax_number: str = ""
    email: str = ""
    iban: str = ""
    bic: str = ""
    payment_days: int = 14
    note: str = ""
    version: int = 0
    create_time: datetime
    update_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """To whom the invoices of a driver are addressed."""

    driver_id: str
    name: str = ""
    address: Address = Address()
    vat_id: str = ""
    email: str = ""
    tax_treatment: TaxTreatment = TaxTreatment.STANDARD
    exemption_reason: str = ""
    reference: str = ""
    version: int = 0
    create_time: datetime
    update_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)


_Party = TypeVar("_Party", Seller, Customer)


def version_at(versions: Sequence[_Party], time: datetime) -> _Party | None:
    """The version that was there at a moment, of all in their order; before there was any, the first."""
    was_there = [version for version in versions if version.update_time <= time]
    return was_there[-1] if was_there else versions[0] if versions else None


def next_seller(before: Seller, changes: Mapping[str, Any], etag: str, now: datetime) -> Seller:
    """The version after `before`, which is empty and has the number 0 when there was none, as invoices write it.

    Raises: INVALID_FIELD with every field out of bounds; ETAG_MISMATCH.
    """
    _require_version(before, etag, "the seller")
    violations = Violations("seller")
    seller = replace(before, **changes)
    plain = replace(
        seller,
        address=_plain_address(seller.address),
        vat_id=_plain_vat_id(seller.vat_id),
        iban=_plain(seller.iban),
        bic=_plain(seller.bic),
        version=before.version + 1,
        update_time=now,
    )
    _check_party(violations, plain.name, plain.address, plain.vat_id, plain.email)
    violations.text("taxNumber", plain.tax_number, longest=30)
    has_number = bool(plain.vat_id or plain.tax_number)
    violations.check(has_number, "vatId", "is needed, or taxNumber is")
    violations.check(
        not plain.iban or _is_iban(plain.iban), "iban", "is not an IBAN: its form or check digits are wrong"
    )
    violations.check(not plain.bic or _is_bic(plain.bic), "bic", "is not a BIC")
    violations.check(bool(plain.iban) or not plain.bic, "bic", "belongs to an iban")
    violations.number("paymentDays", plain.payment_days, 0, 365)
    violations.text("note", plain.note, longest=1000)
    violations.raise_if_any()
    return plain


def next_customer(before: Customer, changes: Mapping[str, Any], etag: str, now: datetime) -> Customer:
    """The version after `before`, which is empty and has the number 0 when there was none, as invoices write it.

    Raises: INVALID_FIELD with every field out of bounds; ETAG_MISMATCH.
    """
    _require_version(before, etag, f"the customer of driver {before.driver_id}")
    violations = Violations("customer")
    customer = replace(before, **changes)
    plain = replace(
        customer,
        address=_plain_address(customer.address),
        vat_id=_plain_vat_id(customer.vat_id),
        version=before.version + 1,
        update_time=now,
    )
    _check_party(violations, plain.name, plain.address, plain.vat_id, plain.email)
    violations.text("reference", plain.reference, longest=100)
    owes_tax = plain.tax_treatment is TaxTreatment.REVERSE_CHARGE
    violations.check(bool(plain.vat_id) or not owes_tax, "vatId", "is needed for REVERSE_CHARGE")
    violations.text("exemptionReason", plain.exemption_reason, longest=500)
    is_exempt = plain.tax_treatment is TaxTreatment.EXEMPT
    told = bool(plain.exemption_reason.strip())
    violations.check(told == is_exempt, "exemptionReason", "is needed for EXEMPT, and for no other")
    violations.raise_if_any()
    return plain


def _check_party(violations: Violations, name: str, address: Address, vat_id: str, email: str) -> None:
    violations.text("name", name.strip(), longest=200, shortest=1)
    for part, longest in (("street", 200), ("postCode", 20), ("city", 100)):
        violations.text(f"address.{part}", getattr(address, "post_code" if part == "postCode" else part), longest)
    violations.check(bool(_COUNTRY(address.country_code)), "address.countryCode", "must be two letters, as in DE")
    violations.check(not vat_id or _is_vat_id(vat_id), "vatId", "is no VAT id: its form or check digits are wrong")
    violations.check(not email or (bool(_EMAIL(email)) and len(email) <= 200), "email", "is no e-mail address")


def _require_version(before: Seller | Customer, etag: str, what: str) -> None:
    if etag and etag != str(before.version):
        raise conflict("ETAG_MISMATCH", f"{what} has changed since etag {etag} was read")


def _plain_address(address: Address) -> Address:
    return replace(address, country_code=address.country_code.strip().upper())


def _plain_vat_id(text: str) -> str:
    """A VAT id without spaces and points, in capitals, with the prefix that invoices want: EL for Greece."""
    plain = _plain(text)
    return _GREEK + plain.removeprefix(_GREECE) if plain.startswith(_GREECE) else plain


def _plain(text: str) -> str:
    return "".join(character for character in text.upper() if character not in " .-/")


def _is_vat_id(text: str) -> bool:
    country_code = _GREECE if text.startswith(_GREEK) else text[:2]
    return bool(_VAT_ID(text)) and _is_number_of(country_code, text)


def _is_number_of(country_code: str, text: str) -> bool:
    # A library of all countries is loaded when somebody has a VAT id, not before.
    from stdnum import get_cc_module

    numbers = get_cc_module(country_code.lower(), "vat")
    return numbers is None or numbers.is_valid(text) or numbers.is_valid(text[2:])


def _is_iban(text: str) -> bool:
    from stdnum import iban

    # Without the lists of banks of some countries, which know those of the day they were made.
    return iban.is_valid(text, check_country=False)


def _is_bic(text: str) -> bool:
    from stdnum import bic

    return bic.is_valid(text)
