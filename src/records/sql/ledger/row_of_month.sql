SELECT ledger_rows.hash, ledger_segments.expired_at
FROM ledger_segments LEFT JOIN ledger_rows ON ledger_rows.segment = ledger_segments.segment AND ledger_rows.row = $3
WHERE ledger_segments.site = $1 AND ledger_segments.month = $2
