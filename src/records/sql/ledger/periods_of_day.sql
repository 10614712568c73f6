SELECT period, first FROM ledger_periods WHERE site = $1 AND day = $2 ORDER BY period
