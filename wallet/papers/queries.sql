-- name: span
-- Between which of its entries an account stood at the beginning of a day and at the end of another, by the calendar of
-- Huế; null: from its first entry, up to its last. An entry is never older than the one before, so each bound is found
-- by halves, a look-up by key each: as quick in a history of millions. Balances are what stood there then.
WITH RECURSIVE held AS (
    SELECT coalesce((SELECT version FROM account WHERE id = $1), 0) AS version
), search (bound, moment, step, version) AS (
    SELECT bound, moment, 1::bigint << 40, 0::bigint
    FROM (VALUES ('oldest', ($2::date)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh'),
        ('newest', ($3::date + 1)::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh')) AS asked (bound, moment)
    WHERE moment IS NOT NULL
    UNION ALL
    SELECT bound, moment, step >> 1, version + CASE WHEN (
        SELECT transfer.made_at FROM entry
        JOIN LATERAL (SELECT made_at FROM transfer WHERE id = entry.transfer_id OFFSET 0) AS transfer ON true
        WHERE entry.account_id = $1 AND entry.version = search.version + search.step
    ) < moment THEN step ELSE 0 END
    FROM search WHERE step > 0
), found AS (
    SELECT coalesce((SELECT version FROM search WHERE step = 0 AND bound = 'oldest'), 0) AS oldest,
        coalesce((SELECT version FROM search WHERE step = 0 AND bound = 'newest'), (SELECT version FROM held)) AS newest
)
SELECT oldest, newest,
    coalesce((SELECT balance_after FROM entry WHERE account_id = $1 AND version = oldest), 0) AS opening_balance,
    coalesce((SELECT balance_after FROM entry WHERE account_id = $1 AND version = newest), 0) AS closing_balance
FROM found;

-- name: movements
-- A piece of an account's history, newest first: of the $4 entries up to $2 and after $3 those of a kind ($5) and with
-- these plain words in the memo or the other side's name ($6), at most $7. Versions have no gaps, so a piece costs what
-- it is long, wherever it lies. Of a refund the other side
-- is the payment's, of a withdrawal the bank.
SELECT entry.version, transfer.id, transfer.kind, entry.amount, entry.balance_after,
    coalesce(payment.counterparty, bank.counterparty) AS counterparty, transfer.memo, transfer.made_at
FROM (
    SELECT version, transfer_id, amount, balance_after FROM entry
    WHERE account_id = $1
        AND version <= least($2::bigint, (SELECT version FROM account WHERE id = $1))
        AND version > greatest($3::bigint, least($2::bigint, (SELECT version FROM account WHERE id = $1)) - $4::bigint)
) AS entry
CROSS JOIN LATERAL (SELECT * FROM transfer WHERE id = entry.transfer_id OFFSET 0) AS transfer
LEFT JOIN LATERAL (
    SELECT CASE WHEN (entry.amount < 0) <> (transfer.kind = 'refund') THEN payee_name ELSE payer_name END AS counterparty
    FROM payment
    WHERE id = CASE transfer.kind WHEN 'refund' THEN transfer.original_id ELSE transfer.id END OFFSET 0
) AS payment ON true
LEFT JOIN LATERAL (
    SELECT bank.short_name || ' ***' || right(payout.account_number, 3) AS counterparty
    FROM payout JOIN bank ON bank.bin = payout.bank_bin
    WHERE payout.id = CASE transfer.kind WHEN 'withdrawal' THEN transfer.id END OFFSET 0
) AS bank ON true
WHERE ($5::text IS NULL OR transfer.kind = $5)
    AND ($6::text IS NULL OR strpos(plain_text(concat_ws(' ', payment.counterparty, bank.counterparty, transfer.memo)), $6) > 0)
ORDER BY entry.version DESC LIMIT $7;

-- name: statement_lines
-- At most $4 lines of a statement, oldest first: the entries after $2, up to $3.
SELECT entry.version, transfer.id, transfer.kind, entry.amount, entry.balance_after,
    coalesce(payment.counterparty, bank.counterparty) AS counterparty, transfer.memo, transfer.made_at
FROM (
    SELECT version, transfer_id, amount, balance_after FROM entry
    WHERE account_id = $1 AND version > $2 AND version <= least($3::bigint, $2::bigint + $4::bigint)
) AS entry
CROSS JOIN LATERAL (SELECT * FROM transfer WHERE id = entry.transfer_id OFFSET 0) AS transfer
LEFT JOIN LATERAL (
    SELECT CASE WHEN (entry.amount < 0) <> (transfer.kind = 'refund') THEN payee_name ELSE payer_name END AS counterparty
    FROM payment
    WHERE id = CASE transfer.kind WHEN 'refund' THEN transfer.original_id ELSE transfer.id END OFFSET 0
) AS payment ON true
LEFT JOIN LATERAL (
    SELECT bank.short_name || ' ***' || right(payout.account_number, 3) AS counterparty
    FROM payout JOIN bank ON bank.bin = payout.bank_bin
    WHERE payout.id = CASE transfer.kind WHEN 'withdrawal' THEN transfer.id END OFFSET 0
) AS bank ON true
ORDER BY entry.version;

-- name: holder
-- Whose statement it is.
SELECT coalesce(name, screen_name) FROM principal WHERE id = $1;

-- name: plain_words
-- Words as a search compares them.
SELECT plain_text($1);

-- name: receipt
-- A payment of its payer, with all that its receipt says.
SELECT payment.id, payment.kind, payment.status, payment.amount, payment.refunded, payment.memo, payment.made_at,
    coalesce(principal.name, payment.payer_name) AS payer, payment.payee_name AS payee, payment.payee_detail,
    transfer.made_at AS paid_at, biller.kind AS biller_kind, biller.name_en AS payee_en, bill.reference, bill.customer_code,
    bill.customer_name, bill.period, bill.subject, merchant_order.reference AS order_reference,
    CASE WHEN numbered.payment_id IS NOT NULL
        THEN numbered.series || '-' || numbered.year || '-' || lpad(numbered.number::text, 7, '0') END AS fee_number,
    e_invoice.number AS invoice_number, e_invoice.look_up_code AS invoice_look_up_code, e_invoice.url AS invoice_url
FROM payment
LEFT JOIN transfer ON transfer.id = payment.id
LEFT JOIN principal ON principal.id = payment.payer_id
LEFT JOIN bill ON bill.id = payment.bill_id
LEFT JOIN biller ON biller.code = bill.biller_code
LEFT JOIN merchant_order ON merchant_order.id = payment.order_id
LEFT JOIN fee_receipt_number AS numbered ON numbered.payment_id = payment.id
LEFT JOIN e_invoice ON e_invoice.payment_id = payment.id
WHERE payment.id = $1 AND payer_id = $2;

-- name: number_fees
-- The next numbers of their series and year for fees and fines that were paid ($1, to the billers $2, at $3), once each;
-- other bills get none. The row of a series stays locked until this commits: no number is lost. Locked in order.
WITH due AS (
    SELECT payment_id, series, year, row_number() OVER same AS nth, count(*) OVER (PARTITION BY series, year)::int AS added
    FROM (
        SELECT payment_id, position, CASE kind WHEN 'traffic_fine' THEN 'TP' ELSE 'PLP' END AS series,
            extract(year FROM paid_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::int AS year
        FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) WITH ORDINALITY AS paid (payment_id, biller, paid_at, position)
        JOIN biller ON biller.code = paid.biller AND kind IN ('public_service_fee', 'traffic_fine')
        WHERE NOT EXISTS (SELECT FROM fee_receipt_number WHERE payment_id = paid.payment_id)
    ) AS numbered
    WINDOW same AS (PARTITION BY series, year ORDER BY position)
), counted AS (
    INSERT INTO fee_receipt_counter (series, year, last_number)
    SELECT DISTINCT series, year, added FROM due ORDER BY series, year
    ON CONFLICT (series, year) DO UPDATE SET last_number = fee_receipt_counter.last_number + excluded.last_number
    RETURNING series, year, last_number
)
INSERT INTO fee_receipt_number (payment_id, series, year, number)
SELECT payment_id, series, year, last_number - added + nth FROM due JOIN counted USING (series, year);

-- name: keep_receipt_code
-- The code of a payment of its payer: the first that was drawn stands.
INSERT INTO receipt_code (code, payment_id) SELECT $3, id FROM payment WHERE id = $1 AND payer_id = $2
ON CONFLICT (payment_id) DO UPDATE SET payment_id = excluded.payment_id
RETURNING code;

-- name: check_receipt
-- What a receipt's code shows to anybody: no whole name, no memo, no account.
SELECT code, payment.kind, payment.status, amount, refunded, payer_name AS payer, payee_name AS payee, payment.made_at
FROM receipt_code JOIN payment ON payment.id = receipt_code.payment_id WHERE code = $1;
