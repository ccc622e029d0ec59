"""Between csms.transaction.v1 (and the events) and the domain, one file per noun; pure, no rules."""
