"""The billing service: tariffs, charging sessions as a commercial fact, live cost, invoices and payments."""
