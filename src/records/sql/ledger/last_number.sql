SELECT MAX(number)
FROM (SELECT sequence AS number FROM calls WHERE day = $1 AND sequence BETWEEN $2 AND $3
      UNION ALL SELECT last AS number FROM skipped_numbers WHERE day = $1 AND last BETWEEN $2 AND $3) AS known
