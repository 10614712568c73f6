SELECT reviews.id AS review, recordings.id, began_at, ends_at, seconds FROM reviews
JOIN recordings ON recordings.id = reviews.recording
WHERE reviewer = $1 AND outcome IS NULL AND life = 'kept'
      AND NOT EXISTS (SELECT 1 FROM anchors WHERE anchors.recording = recordings.id AND purpose = 'quality' AND anchor <> 'opened')
ORDER BY opened_at, reviews.id
