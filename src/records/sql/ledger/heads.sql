SELECT ledger_heads.site, ledger_heads.day, ledger_segments.month, ledger_heads.rows, ledger_heads.sealed_at, ledger_heads.text
FROM ledger_heads JOIN ledger_segments ON ledger_segments.segment = ledger_heads.segment
ORDER BY ledger_heads.segment, ledger_heads.day
