SELECT receipts.recording, receipts.reason, receipts.out_of_reach_at, receipts.overwritten_at, receipts.exports
FROM receipts WHERE receipts.recording = $1
