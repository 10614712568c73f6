SELECT id, call, agent, customer, began_at, seconds, reasons, life, life_at FROM recordings
WHERE began_at <= $1 AND (life <> 'gone' OR life_at > $1)
ORDER BY began_at, id
