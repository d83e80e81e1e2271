-- name: open_merchant
-- A merchant of its owner, by the owner's id for it.
INSERT INTO merchant (id, owner_id, name, category_code, ward_code, status, virtual_account)
VALUES ($1, $2, $3, $4, $5, $6, 'HUE' || lpad(nextval('merchant_virtual_account_number')::text, 10, '0'))
ON CONFLICT (id) DO UPDATE SET name = excluded.name, category_code = excluded.category_code,
    ward_code = excluded.ward_code
WHERE merchant.owner_id = excluded.owner_id
RETURNING id;

-- name: merchant_of_mine
-- One merchant with its terminals, if it is mine.
SELECT merchant.id, name, category_code, ward_code AS ward, status, virtual_account, made_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', terminal.id, 'name', terminal.name) ORDER BY terminal.made_at, terminal.id)
        FROM terminal WHERE terminal.merchant_id = merchant.id AND terminal.revoked_at IS NULL), '[]') AS terminals
FROM merchant WHERE merchant.id = $1 AND owner_id = $2;

-- name: merchants_of_mine
-- My merchants with their terminals.
SELECT merchant.id, name, category_code, ward_code AS ward, status, virtual_account, made_at,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', terminal.id, 'name', terminal.name) ORDER BY terminal.made_at, terminal.id)
        FROM terminal WHERE terminal.merchant_id = merchant.id AND terminal.revoked_at IS NULL), '[]') AS terminals
FROM merchant WHERE owner_id = $1 ORDER BY merchant.made_at, merchant.id;

-- name: other_merchants
-- How many merchants I have beside this one.
SELECT count(*) FROM merchant WHERE owner_id = $1 AND id <> $2;

-- name: other_terminals
-- How many terminals a merchant has beside this one.
SELECT count(*) FROM terminal WHERE merchant_id = $1 AND id <> $2;

-- name: owns_merchant
-- Is it mine?
SELECT id FROM merchant WHERE id = $1 AND owner_id = $2;

-- name: add_terminal
-- A terminal of a merchant, or its new name.
INSERT INTO terminal (id, merchant_id, name) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE terminal.merchant_id = excluded.merchant_id
RETURNING id, name;

-- name: terminal_facts
-- What a terminal's QR says, if the merchant is mine.
SELECT terminal.id AS terminal_id, terminal.name AS terminal_name, merchant.name AS merchant_name,
    merchant.category_code, merchant.virtual_account
FROM terminal JOIN merchant ON merchant.id = terminal.merchant_id
WHERE terminal.id = $1 AND merchant.id = $2 AND merchant.owner_id = $3 AND terminal.revoked_at IS NULL;

-- name: place_order
-- An order, once per id.
INSERT INTO merchant_order (id, merchant_id, terminal_id, amount, reference, expires_in_s, expires_at)
VALUES ($1, $2, $3, $4, $5, $6::int, city_now() + make_interval(secs => $6::int))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: order_of_mine
-- An order of my merchant; one that nobody paid in time is expired.
SELECT merchant_order.id, terminal_id, amount, reference, expires_in_s, payment_id, paid_at, expires_at,
    CASE WHEN merchant_order.status = 'open' AND expires_at <= city_now() THEN 'expired'
        ELSE merchant_order.status END AS status
FROM merchant_order JOIN merchant ON merchant.id = merchant_order.merchant_id
WHERE merchant_order.id = $1 AND merchant_order.merchant_id = $2 AND merchant.owner_id = $3;

-- name: takings
-- What came in at my merchant, newest first, by the account's own count.
SELECT entry.version, payment.id, entry.amount, payment.payer_name AS payer, payment.terminal_id,
    payment.payee_detail AS terminal, payment.order_id, merchant_order.reference, payment.memo, entry.balance_after,
    payment.made_at
FROM merchant
JOIN entry ON entry.account_id = merchant.id AND entry.amount > 0
JOIN payment ON payment.id = entry.transfer_id
LEFT JOIN merchant_order ON merchant_order.id = payment.order_id
WHERE merchant.id = $1 AND merchant.owner_id = $2 AND ($3::bigint IS NULL OR entry.version < $3)
ORDER BY entry.version DESC LIMIT $4;
