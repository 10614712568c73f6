SELECT recordings.id, recordings.seconds, proposals.reason, proposals.review_on
FROM recordings JOIN proposals ON proposals.recording = recordings.id AND proposals.purpose = 'training' AND approved_at IS NOT NULL
WHERE life = 'kept' AND ($1 OR EXISTS (SELECT 1 FROM trainees WHERE trainees.recording = recordings.id AND trainees.name = $2))
ORDER BY proposals.approved_at, recordings.id
