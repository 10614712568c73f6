SELECT id, call, agent, direction, began_at, seconds, reasons, state, life, ends_at,
       EXISTS (SELECT 1 FROM holds WHERE holds.recording = recordings.id AND released_at IS NULL) AS held,
       EXISTS (SELECT 1 FROM calls LEFT JOIN ledger_periods ON ledger_periods.site = calls.site AND ledger_periods.period = calls.period
               WHERE calls.call = recordings.call AND calls.period IS NOT NULL AND published_at IS NULL) AS is_today,
       EXISTS (SELECT 1 FROM case_recordings WHERE case_recordings.recording = recordings.id) AS had_case
FROM recordings
WHERE life = 'kept' AND state <> 'committing' AND erased_at IS NULL AND ends_at > $1 AND ends_at >= $2 AND (ends_at, id) > ($2, $3)
      AND EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose = 'incident' AND about = '')
      AND NOT EXISTS (SELECT 1 FROM anchors WHERE anchors.recording = recordings.id AND purpose = 'incident' AND about = '' AND anchor = 'dismissed')
      AND NOT EXISTS (SELECT 1 FROM case_recordings JOIN cases ON cases.id = case_recordings.case_id
                      WHERE case_recordings.recording = recordings.id AND cases.closed_at IS NULL)
ORDER BY ends_at, id LIMIT $4
