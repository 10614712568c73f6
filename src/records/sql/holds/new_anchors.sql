SELECT anchors.recording, recordings.call, purpose, about, anchor, day
FROM anchors JOIN recordings ON recordings.id = anchors.recording
WHERE anchors.rowid > $1 AND anchor <> 'opened' ORDER BY anchors.rowid
