SELECT recordings.id, recordings.draw, recordings.began_at, recordings.ends_at,
       EXISTS (SELECT 1 FROM reviews WHERE reviews.recording = recordings.id) AS was_opened
FROM recordings
JOIN calls ON calls.call = recordings.call
JOIN ledger_periods ON ledger_periods.site = calls.site AND ledger_periods.period = calls.period
WHERE draw IS NOT NULL AND life = 'kept' AND erased_at IS NULL AND state <> 'committing' AND published_at IS NOT NULL
      AND EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose = 'quality')
      AND NOT EXISTS (SELECT 1 FROM anchors WHERE anchors.recording = recordings.id AND purpose = 'quality' AND anchor <> 'opened')
      AND NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.recording = recordings.id AND (outcome IS NULL OR outcome <> 'skipped'))
ORDER BY draw, recordings.id
