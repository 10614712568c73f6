SELECT author, kind, text, written_at, decision FROM replies WHERE note = $1 ORDER BY written_at, id
