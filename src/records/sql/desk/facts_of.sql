SELECT recordings.id, recordings.began_at, recordings.ends_at, recordings.erased_at, purposes.purpose, purposes.about, anchors.anchor, anchors.at,
       anchors.day
FROM recordings
JOIN purposes ON purposes.recording = recordings.id
LEFT JOIN anchors ON anchors.recording = purposes.recording AND anchors.purpose = purposes.purpose AND anchors.about = purposes.about
WHERE recordings.life IN ('kept', 'restricted') AND recordings.state <> 'committing'
      AND recordings.id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
ORDER BY recordings.id, purposes.purpose, purposes.about, anchors.place
