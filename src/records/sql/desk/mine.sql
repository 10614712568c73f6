SELECT id, call, agent, direction, began_at, seconds, reasons, state, life,
       EXISTS (SELECT 1 FROM holds WHERE holds.recording = recordings.id AND released_at IS NULL) AS held
FROM recordings
WHERE id IN (
    SELECT id FROM (
        SELECT id FROM recordings
        WHERE agent = $1 AND life <> 'gone' AND life IN ('kept', 'restricted') AND began_at <= $3 AND (began_at, id) < ($3, $4)
              AND (began_at < $2 OR EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose <> 'quality'))
        ORDER BY began_at DESC, id DESC LIMIT $5
    ) AS own
    UNION
    SELECT recordings.id FROM participants JOIN recordings ON recordings.id = participants.recording
    WHERE participants.agent = $1 AND from_seconds > 0 AND life IN ('kept', 'restricted') AND began_at <= $3 AND (began_at, recordings.id) < ($3, $4)
          AND (began_at < $2 OR EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose <> 'quality'))
)
ORDER BY began_at DESC, id DESC LIMIT $5
