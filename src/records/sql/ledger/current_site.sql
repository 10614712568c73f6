SELECT ledger_sites.site, ledger_sites.public_key
FROM ledger_sites JOIN ledger_segments ON ledger_segments.site = ledger_sites.site
ORDER BY ledger_segments.segment DESC LIMIT 1
