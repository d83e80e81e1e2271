-- name: billers
-- Open billers, in the caller's language.
SELECT code, kind, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS name, customer_code_pattern,
    customer_code_example
FROM biller WHERE closed_at IS NULL ORDER BY kind, code;
