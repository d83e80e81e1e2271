-- name: columns
-- Every column of our tables.
SELECT relname AS "table", attname AS "column", format_type(atttypid, atttypmod) AS type
FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
ORDER BY relname, attnum;

-- name: constraints
-- Every constraint of our tables: c is a CHECK, u is unique, f is a foreign key, p is a primary key.
SELECT conname AS name, contype::text AS kind, conrelid::regclass::text AS "table"
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
ORDER BY conname;

-- name: unique_indexes
-- What a unique index without a constraint refuses by: one of some rows only.
SELECT indexrelid::regclass::text AS name FROM pg_index
WHERE indisunique AND indpred IS NOT NULL AND indrelid::regclass::text !~ '^pg_';

-- name: events
-- All news, oldest first.
SELECT kind, data FROM event ORDER BY id;
