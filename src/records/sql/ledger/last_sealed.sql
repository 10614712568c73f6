SELECT ledger_segments.month, ledger_rows.row, ledger_rows.hash
FROM ledger_heads JOIN ledger_segments ON ledger_segments.segment = ledger_heads.segment
                  JOIN ledger_rows ON ledger_rows.segment = ledger_heads.segment AND ledger_rows.row = ledger_heads.rows - 1
WHERE ledger_heads.site = $1 ORDER BY ledger_heads.day DESC LIMIT 1
