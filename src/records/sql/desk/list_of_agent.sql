SELECT * FROM recordings WHERE agent = $12 AND life <> 'gone'
UNION ALL
SELECT * FROM recordings
WHERE agent <> $12 AND life <> 'gone' AND id IN (SELECT recording FROM participants WHERE participants.agent = $12 AND from_seconds > 0)
