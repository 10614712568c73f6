SELECT anchors.anchor, anchors.at, anchors.day, recordings.began_at, recordings.ends_at FROM anchors
JOIN recordings ON recordings.id = anchors.recording
WHERE anchors.recording = $1 AND purpose = 'incident' AND about = $2 ORDER BY place
