"""Between the contracts (and the events) and the domain, one file per package of contracts; pure, no rules."""
