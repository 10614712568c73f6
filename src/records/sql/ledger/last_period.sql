SELECT COALESCE(MAX(period), 0) FROM ledger_periods WHERE site = $1
