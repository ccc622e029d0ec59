#!/usr/bin/env bash
# The amounts of an electronic invoice after EN 16931 have two decimals, but not the price of one unit (BT-146): that may
# have as many as it needs. @e-invoice-eu/core takes the price of a unit for an amount like the others and refuses more
# than two decimals, for UBL and CII alike.
# Seen with @e-invoice-eu/core 2.3.4: 0.46 for a kWh makes an invoice, 0.4567 is "validation failed".
# Why it matters: energy is sold by tenths of a cent (0.4567 EUR/kWh). Rounded to 0.46 the line no longer is quantity
# times price, 12.345 kWh are 5.68 instead of 5.64. The way out is a base quantity: 456.70 for 1000 kWh passes.
# The guess was: a generator for EN 16931 takes the prices that EN 16931 takes.
# Exits 0 when the price is refused and the one for 1000 kWh taken, 1 otherwise, 2 when the package cannot be had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @e-invoice-eu/core@2.3.4 >/dev/null || exit 2
cat >invoice.mjs <<'NODE'
import { InvoiceService } from "@e-invoice-eu/core";

const euros = (name, value) => ({ [`cbc:${name}`]: value, [`cbc:${name}@currencyID`]: "EUR" });
const vat = { "cbc:ID": "S", "cbc:Percent": "19", "cac:TaxScheme": { "cbc:ID": "VAT" } };
const party = (name, more) => ({
  "cac:Party": {
    "cbc:EndpointID": "post@example.com",
    "cbc:EndpointID@schemeID": "EM",
    "cac:PostalAddress": {
      "cbc:CityName": "Berlin",
      "cbc:PostalZone": "10115",
      "cac:Country": { "cbc:IdentificationCode": "DE" },
    },
    ...more,
    "cac:PartyLegalEntity": { "cbc:RegistrationName": name },
  },
});

function invoice(price, quantity) {
  const number = [{ "cbc:CompanyID": "DE123456789", "cac:TaxScheme": { "cbc:ID": "VAT" } }];
  const subtotal = { ...euros("TaxableAmount", "5.64"), ...euros("TaxAmount", "1.07"), "cac:TaxCategory": vat };
  return {
    "ubl:Invoice": {
      "cbc:CustomizationID": "urn:cen.eu:en16931:2017",
      "cbc:ProfileID": "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
      "cbc:ID": "R1",
      "cbc:IssueDate": "2026-11-30",
      "cbc:DueDate": "2026-12-14",
      "cbc:InvoiceTypeCode": "380",
      "cbc:DocumentCurrencyCode": "EUR",
      "cbc:BuyerReference": "fleet",
      "cac:AccountingSupplierParty": party("Operator", { "cac:PartyTaxScheme": number }),
      "cac:AccountingCustomerParty": party("Fleet", {}),
      "cac:TaxTotal": [{ ...euros("TaxAmount", "1.07"), "cac:TaxSubtotal": [subtotal] }],
      "cac:LegalMonetaryTotal": {
        ...euros("LineExtensionAmount", "5.64"),
        ...euros("TaxExclusiveAmount", "5.64"),
        ...euros("TaxInclusiveAmount", "6.71"),
        ...euros("PayableAmount", "6.71"),
      },
      "cac:InvoiceLine": [
        {
          "cbc:ID": "1",
          "cbc:InvoicedQuantity": "12.345",
          "cbc:InvoicedQuantity@unitCode": "KWH",
          ...euros("LineExtensionAmount", "5.64"),
          "cac:Item": { "cbc:Name": "Charging", "cac:ClassifiedTaxCategory": vat },
          "cac:Price": {
            ...euros("PriceAmount", price),
            "cbc:BaseQuantity": quantity,
            "cbc:BaseQuantity@unitCode": "KWH",
          },
        },
      ],
    },
  };
}

const quiet = { log() {}, warn() {}, error() {}, debug() {} };
const outcomes = [];
for (const [price, quantity] of [["0.46", "1"], ["0.4567", "1"], ["456.70", "1000"]])
  for (const format of ["UBL", "CII"]) {
    try {
      await new InvoiceService(quiet).generate(invoice(price, quantity), { format, lang: "en" });
      outcomes.push("made");
    } catch (error) {
      outcomes.push(error.message);
    }
    console.log(`${format}, ${price} EUR for ${quantity} kWh: ${outcomes.at(-1)}`);
  }
process.exit(outcomes.join() === "made,made,validation failed,validation failed,made,made" ? 0 : 1);
NODE
node invoice.mjs
