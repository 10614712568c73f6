SELECT MAX(day) FROM ledger_periods
WHERE site = $1 AND day < $2
      AND NOT EXISTS (SELECT 1 FROM ledger_heads WHERE ledger_heads.site = ledger_periods.site AND ledger_heads.day >= ledger_periods.day)
