SELECT day, sequence FROM calls WHERE call = $1 AND site = $2 AND period IS NOT NULL
