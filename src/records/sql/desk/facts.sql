SELECT recordings.began_at, recordings.ends_at, recordings.erased_at, purposes.purpose, purposes.about, anchors.anchor, anchors.at, anchors.day
FROM recordings
JOIN purposes ON purposes.recording = recordings.id
LEFT JOIN anchors ON anchors.recording = purposes.recording AND anchors.purpose = purposes.purpose AND anchors.about = purposes.about
WHERE recordings.id = $1
ORDER BY purposes.purpose, purposes.about, anchors.place
