SELECT ledger_segments.month, ledger_rows.row, ledger_rows.hash
FROM ledger_segments JOIN ledger_rows ON ledger_rows.segment = ledger_segments.segment
WHERE ledger_segments.segment = (SELECT MAX(segment) FROM ledger_segments WHERE site = $1)
ORDER BY ledger_rows.row DESC LIMIT 1
