-- name: open_merchant
-- A merchant of its owner, by the owner's id for it.
INSERT INTO merchant (id, owner_id, name, category_code, ward_code, status, virtual_account)
VALUES ($1, $2, $3, $4, $5, $6, 'HUE' || lpad(nextval('merchant_virtual_account_number')::text, 10, '0'))
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: merchant_of_mine_to_change
-- What a merchant of mine is, while it becomes something else: one at a time, and nobody closes its books meanwhile.
SELECT name, category_code, ward_code AS ward, status FROM merchant WHERE id = $1 AND owner_id = $2 FOR NO KEY UPDATE;

-- name: change_merchant
-- From now on it is called so, and is of this category; nothing waits any more. What it took in up to now is of the
-- category that it had.
WITH past AS (
    INSERT INTO merchant_past_category (merchant_id, to_version, category_code)
    SELECT merchant.id, account.version, category_code FROM merchant JOIN account ON account.id = merchant.id
    WHERE merchant.id = $1 AND category_code <> $3
    ON CONFLICT DO NOTHING
)
UPDATE merchant SET name = $2, category_code = $3, ward_code = $4, wanted_name = NULL, wanted_category_code = NULL
WHERE id = $1;

-- name: want_merchant_changed
-- What it shall be called and do, once finance has looked at that.
UPDATE merchant SET ward_code = $2, wanted_name = $3, wanted_category_code = $4 WHERE id = $1;

-- name: merchant_of_mine
-- One merchant with its terminals, if it is mine.
SELECT merchant.id, name, 'owner' AS role, NULL::uuid AS cashier_id, category_code, ward_code AS ward, status, status_reason, virtual_account,
    made_at, wanted_name, wanted_category_code,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', terminal.id, 'name', terminal.name) ORDER BY terminal.made_at, terminal.id)
        FROM terminal WHERE terminal.merchant_id = merchant.id AND terminal.revoked_at IS NULL), '[]') AS terminals
FROM merchant WHERE merchant.id = $1 AND owner_id = $2;

-- name: merchants_of_mine
-- The merchants that I own, and those at whose counter I work, with their terminals.
SELECT merchant.id, name, CASE WHEN owner_id = $1 THEN 'owner' ELSE 'cashier' END AS role,
    (SELECT id FROM merchant_cashier AS cashier
        WHERE cashier.merchant_id = merchant.id AND principal_id = $1 AND removed_at IS NULL) AS cashier_id,
    category_code, ward_code AS ward, status, CASE WHEN owner_id = $1 THEN status_reason END AS status_reason, virtual_account, made_at,
    CASE WHEN owner_id = $1 THEN wanted_name END AS wanted_name,
    CASE WHEN owner_id = $1 THEN wanted_category_code END AS wanted_category_code,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', terminal.id, 'name', terminal.name) ORDER BY terminal.made_at, terminal.id)
        FROM terminal WHERE terminal.merchant_id = merchant.id AND terminal.revoked_at IS NULL), '[]') AS terminals
FROM merchant
WHERE owner_id = $1 OR merchant.id = ANY (ARRAY(
    SELECT merchant_id FROM merchant_cashier WHERE principal_id = $1 AND removed_at IS NULL))
ORDER BY owner_id <> $1, merchant.made_at, merchant.id LIMIT 100;

-- name: other_merchants
-- How many merchants I have beside this one.
SELECT count(*) FROM merchant WHERE owner_id = $1 AND id <> $2;

-- name: other_terminals
-- How many terminals a merchant has beside this one, and how many it has ever had.
SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS now, count(*) AS ever
FROM terminal WHERE merchant_id = $1 AND id <> $2;

-- name: owns_merchant
-- Is it mine?
SELECT id FROM merchant WHERE id = $1 AND owner_id = $2;

-- name: acts_for_merchant
-- Is it mine, or do I work at its counter?
SELECT acts_for_merchant($1, $2);

-- name: add_terminal
-- A terminal of a merchant, or its new name. One whose sticker was revoked stays so.
INSERT INTO terminal (id, merchant_id, name) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET name = excluded.name
    WHERE terminal.merchant_id = excluded.merchant_id AND terminal.revoked_at IS NULL
RETURNING id, name;

-- name: revoke_terminal
-- Its sticker is lost: nobody pays there any more.
UPDATE terminal SET revoked_at = coalesce(revoked_at, city_now())
WHERE id = $1 AND merchant_id = $2
RETURNING id, name, revoked_at;

-- name: terminal_facts
-- What a terminal's QR says, if I may act for the merchant.
SELECT terminal.id AS terminal_id, terminal.name AS terminal_name, merchant.name AS merchant_name,
    merchant.category_code, merchant.virtual_account, revoked_at
FROM terminal JOIN merchant ON merchant.id = terminal.merchant_id
WHERE terminal.id = $1 AND merchant.id = $2 AND acts_for_merchant($2, $3);

-- name: place_order
-- An order, once per id, and the code by which a bank transfer names it. (A code that is another order's, one in many
-- millions, is none: the money still finds the shop, by its account.)
WITH placed AS (
    INSERT INTO merchant_order (id, merchant_id, terminal_id, amount, reference, expires_in_s, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6::int, city_now() + make_interval(secs => $6::int))
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), coded AS (
    INSERT INTO order_transfer_code (order_id, code) SELECT id, $7 FROM placed ON CONFLICT DO NOTHING
)
SELECT id FROM placed;

-- name: order_of_mine
-- An order of a merchant that I may act for; one that nobody paid in time is expired.
SELECT merchant_order.id, terminal_id, amount, reference, expires_in_s, payment_id, paid_at, expires_at,
    CASE WHEN merchant_order.status = 'open' AND expires_at <= city_now() THEN 'expired'
        ELSE merchant_order.status END AS status,
    (SELECT code FROM order_transfer_code WHERE order_id = merchant_order.id) AS transfer_code
FROM merchant_order
WHERE merchant_order.id = $1 AND merchant_order.merchant_id = $2 AND acts_for_merchant($2, $3);

-- name: takings
-- What came in at a merchant and went back, newest first, by the account's own count.
SELECT version, id, kind, amount, payer, terminal_id, terminal, order_id, reference, memo, original_id, balance_after,
    made_at
FROM merchant_line WHERE merchant_id = $1 AND ($2::bigint IS NULL OR version < $2)
ORDER BY version DESC LIMIT $3;

-- name: takings_of_shifts
-- Of that, for whoever works there, what came in at their terminals during their own shifts of the last month; only
-- their shifts are looked through, however much came in between.
SELECT line.version, line.id, kind, amount, payer, line.terminal_id, terminal, order_id, reference, memo, original_id,
    balance_after, made_at
FROM (SELECT terminal_id, from_version, coalesce(to_version, 9223372036854775807) AS to_version FROM merchant_shift
    WHERE principal_id = $4 AND merchant_id = $1 AND opened_at > city_now() - interval '31 days'
        AND ($2::bigint IS NULL OR from_version < $2)
    OFFSET 0) AS shift
CROSS JOIN LATERAL (SELECT * FROM merchant_line
    WHERE merchant_id = $1 AND version > shift.from_version AND version <= shift.to_version
        AND ($2::bigint IS NULL OR version < $2) AND terminal_id = shift.terminal_id
    ORDER BY version DESC LIMIT $3) AS line
WHERE acts_for_merchant($1, $4)
ORDER BY line.version DESC LIMIT $3;

-- name: shop_to_settle
-- A merchant (of mine, if somebody asks) while its books are closed: one at a time.
SELECT id, owner_id, status, category_code, virtual_account FROM merchant
WHERE id = $1 AND ($2::uuid IS NULL OR owner_id = $2) FOR NO KEY UPDATE;

-- name: account_to_settle_to
-- Where a merchant's money goes.
SELECT bank_bin, account_number, account_name, usable_from FROM merchant_bank_account WHERE merchant_id = $1;

-- name: settlement_merchant
-- Whose settlement has this id?
SELECT merchant_id FROM settlement WHERE id = $1;

-- name: next_settlement_run
-- The number of the next settlement of a day; the night's own is 0.
SELECT coalesce(max(run), 0) + 1 FROM settlement WHERE merchant_id = $1 AND settled_on = $2;

-- name: last_settlement
-- Up to where a merchant's books are closed.
SELECT to_version, closing FROM settlement WHERE merchant_id = $1 ORDER BY to_version DESC, made_at DESC LIMIT 1;

-- name: settlement_figures
-- What a merchant's account says after a version, before a moment, but for what settlements took out of it; of so many
-- versions at most.
-- The fee of each taking is by the rule that held when it was made, for the category that the merchant had then, rounded
-- to whole đồng.
WITH line AS MATERIALIZED (
    SELECT entry.version, entry.amount, transfer.kind, transfer.made_at
    FROM entry JOIN transfer ON transfer.id = entry.transfer_id
    WHERE entry.account_id = $1 AND entry.version > $2 AND entry.version <= $2 + $4::int
), closed AS (
    SELECT version, amount, kind, made_at, kind IN ('merchant', 'taking') AND amount > 0 AS is_taking,
        kind = 'refund' AND amount < 0 AS is_refund,
        kind IN ('fee', 'settlement') AS is_settled
    FROM line
    WHERE version < coalesce((SELECT min(version) FROM line WHERE made_at >= $3), 9223372036854775807)
)
SELECT coalesce(max(version), $2)::bigint AS to_version,
    coalesce(sum(amount) FILTER (WHERE is_taking), 0)::bigint AS takings,
    (count(*) FILTER (WHERE is_taking))::int AS takings_count,
    coalesce(-sum(amount) FILTER (WHERE is_refund), 0)::bigint AS refunds,
    (count(*) FILTER (WHERE is_refund))::int AS refunds_count,
    coalesce(sum(amount) FILTER (WHERE NOT (is_taking OR is_refund OR is_settled)), 0)::bigint AS others,
    coalesce(sum(least(amount, rule.most, (amount * rule.basis_points + 5000) / 10000 + rule.fixed))
        FILTER (WHERE is_taking), 0)::bigint AS fee
FROM closed
CROSS JOIN LATERAL (SELECT coalesce(
    (SELECT category_code FROM merchant_past_category
        WHERE merchant_id = $1 AND to_version >= closed.version ORDER BY to_version LIMIT 1),
    (SELECT category_code FROM merchant WHERE id = $1)) AS category_code OFFSET 0) AS held
LEFT JOIN LATERAL (
    SELECT basis_points, fixed, most FROM fee_rule
    WHERE approved_at IS NOT NULL AND effective_from <= closed.made_at
        AND (merchant_id = $1 OR category_code = held.category_code OR merchant_id IS NULL AND category_code IS NULL)
    ORDER BY merchant_id IS NULL, category_code IS NULL, effective_from DESC LIMIT 1
) AS rule ON is_taking;

-- name: is_frozen
-- Is an account frozen? Takings that were settled and came back lie on another, and do not leave either.
SELECT frozen_at IS NOT NULL FROM account WHERE id = $1;

-- name: lock_books
-- The accounts that closing a shop's books touches, in the order in which everybody locks accounts.
SELECT FROM account WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: available
-- What an account may spend now.
SELECT coalesce((SELECT posted - pending FROM account WHERE id = $1), 0);

-- name: write_settlement
-- A merchant's closed books.
INSERT INTO settlement (id, merchant_id, settled_on, run, from_version, to_version, opening, takings, takings_count,
    refunds, refunds_count, others, fee, amount, closing, payout_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: settlement_tries
-- How often its money was sent.
SELECT tries FROM settlement WHERE id = $1;

-- name: send_settlement_again
-- Its money is sent once more, by another payout.
UPDATE settlement SET status = 'sent', reason = NULL, resolved_at = NULL, tries = tries + 1, payout_id = $2
WHERE id = $1 AND status = 'failed';

-- name: end_settlement
-- The bank has answered for its payout; what is told of it.
UPDATE settlement SET status = CASE WHEN $2::text IS NULL THEN 'paid' ELSE 'failed' END, reason = $2,
    resolved_at = city_now()
FROM merchant, payout JOIN bank ON bank.bin = payout.bank_bin
WHERE settlement.payout_id = $1 AND merchant.id = settlement.merchant_id AND payout.id = $1
RETURNING settlement.id AS settlement_id, merchant.id AS merchant_id, merchant.owner_id, merchant.name AS merchant_name,
    settled_on, settlement.amount, settlement.fee, bank.short_name AS bank_name,
    right(payout.account_number, 4) AS account;

-- name: settlement_of_mine
-- A settlement of my merchant, and where it went.
SELECT settlement.id, settlement.merchant_id, settled_on, run, opening, takings, takings_count, refunds, refunds_count,
    others, fee, settlement.amount, closing, settlement.status, settlement.reason, payout.bank_bin,
    bank.short_name AS bank_name, '***' || right(payout.account_number, 4) AS account_number, payout.account_name,
    settlement.made_at, settlement.resolved_at
FROM settlement
JOIN merchant ON merchant.id = settlement.merchant_id
JOIN payout ON payout.id = settlement.payout_id
JOIN bank ON bank.bin = payout.bank_bin
WHERE settlement.id = $1 AND merchant.id = $2 AND merchant.owner_id = $3;

-- name: settlements_of_mine
-- The settlements of my merchant, newest first.
SELECT settlement.id, settlement.merchant_id, settled_on, run, opening, takings, takings_count, refunds, refunds_count,
    others, fee, settlement.amount, closing, settlement.status, settlement.reason, payout.bank_bin,
    bank.short_name AS bank_name, '***' || right(payout.account_number, 4) AS account_number, payout.account_name,
    settlement.made_at, settlement.resolved_at
FROM settlement
JOIN merchant ON merchant.id = settlement.merchant_id
JOIN payout ON payout.id = settlement.payout_id
JOIN bank ON bank.bin = payout.bank_bin
WHERE merchant.id = $1 AND merchant.owner_id = $2
    AND ($3::timestamptz IS NULL OR (settlement.made_at, settlement.id) < ($3, $4::uuid))
ORDER BY settlement.made_at DESC, settlement.id DESC LIMIT $5;

-- name: begin_settlement_day
-- The merchants are asked to settle this day, once.
INSERT INTO settlement_day (day_on) VALUES ($1) ON CONFLICT DO NOTHING RETURNING day_on;

-- name: ask_merchants_to_settle
-- News for each merchant that has money and somewhere to send it.
INSERT INTO event (kind, data)
SELECT 'DayEnded', jsonb_build_object('merchant_id', merchant.id, 'settled_on', $1::date)
FROM merchant
JOIN account ON account.id = merchant.id AND account.posted - account.pending > 0 AND account.frozen_at IS NULL
JOIN merchant_bank_account ON merchant_bank_account.merchant_id = merchant.id AND usable_from <= city_now()
WHERE merchant.status = 'active';

-- name: ask_to_remit
-- News for each biller that has money and somewhere to send it.
INSERT INTO event (kind, data)
SELECT 'BillerDayEnded', jsonb_build_object('biller', biller.code, 'remitted_on', $1::date)
FROM biller JOIN account ON account.id = biller.account_id AND account.posted - account.pending > 0
WHERE EXISTS (SELECT FROM biller_bank_account WHERE biller_code = biller.code AND approved_at IS NOT NULL);

-- name: lock_merchant_of_mine
-- Is it mine? Nobody closes its books meanwhile.
SELECT id FROM merchant WHERE id = $1 AND owner_id = $2 FOR NO KEY UPDATE;

-- name: session_is_unlocked
-- Has this session just shown the PIN?
SELECT EXISTS (SELECT FROM session WHERE id = $1 AND principal_id = $2 AND ended_at IS NULL
    AND unlocked_until > city_now());

-- name: put_merchant_bank_account
-- Where a merchant's money goes from now on: the first account at once, another one after a while; and neither while its
-- owner's own money waits (`$6`: after a recovery) or their device (of session `$7`) is new.
WITH waits AS (
    SELECT greatest((SELECT money_out_from FROM principal WHERE id = $6), (SELECT new_until FROM session WHERE id = $7))
        AS max
), put AS (
    INSERT INTO merchant_bank_account (merchant_id, bank_bin, account_number, account_name, usable_from)
    VALUES ($1, $2, $3, $4, greatest(city_now(), (SELECT max FROM waits)))
    ON CONFLICT (merchant_id) DO UPDATE SET bank_bin = excluded.bank_bin, account_number = excluded.account_number,
        account_name = excluded.account_name, changed_at = city_now(),
        usable_from = greatest(city_now() + make_interval(hours => $5::int), (SELECT max FROM waits))
    WHERE (merchant_bank_account.bank_bin, merchant_bank_account.account_number, merchant_bank_account.account_name)
        <> (excluded.bank_bin, excluded.account_number, excluded.account_name)
    RETURNING merchant_id, bank_bin, account_number, usable_from
)
SELECT merchant_id, owner_id, merchant.name AS merchant_name, bank.short_name AS bank_name,
    right(account_number, 4) AS account, usable_from
FROM put JOIN merchant ON merchant.id = merchant_id JOIN bank ON bank.bin = bank_bin;

-- name: merchant_bank_account
-- Where my merchant's money goes.
SELECT merchant_id, bank_bin, bank.short_name AS bank_name, '***' || right(account_number, 4) AS account_number,
    account_name, usable_from, changed_at
FROM merchant_bank_account JOIN merchant ON merchant.id = merchant_id JOIN bank ON bank.bin = bank_bin
WHERE merchant_id = $1 AND owner_id = $2;

-- name: propose_fee_rule
-- A rule that counts for nothing yet, once per id.
INSERT INTO fee_rule (id, merchant_id, category_code, basis_points, fixed, most, effective_from, proposed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: fee_rule
-- A rule of fees.
SELECT id, basis_points, fixed, most, merchant_id, category_code, effective_from, proposed_by, approved_by, made_at,
    approved_at
FROM fee_rule WHERE id = $1;

-- name: fee_rule_for_update
-- A rule that somebody approves.
SELECT id, basis_points, fixed, most, merchant_id, category_code, effective_from, proposed_by, approved_by, made_at,
    approved_at
FROM fee_rule WHERE id = $1 FOR UPDATE;

-- name: approve_fee_rule
-- From its moment on it holds.
UPDATE fee_rule SET approved_by = $2, approved_at = city_now() WHERE id = $1;

-- name: fee_rules
-- All rules and proposals, newest first.
SELECT id, basis_points, fixed, most, merchant_id, category_code, effective_from, proposed_by, approved_by, made_at,
    approved_at
FROM fee_rule WHERE $1::timestamptz IS NULL OR (made_at, id) < ($1, $2::uuid)
ORDER BY made_at DESC, id DESC LIMIT $3;

-- name: settlement_lines
-- The lines that a settlement closed after a version of the account, oldest first, as the list of takings has them; what
-- the one before took out of the account is no line of this one.
SELECT entry.version, transfer.id, transfer.kind, transfer.made_at, entry.amount, line.payer, line.terminal,
    line.reference, coalesce(line.memo, transfer.memo) AS memo,
    coalesce(least(entry.amount, rule.most, (entry.amount * rule.basis_points + 5000) / 10000 + rule.fixed), 0)::bigint AS fee
FROM settlement
JOIN merchant ON merchant.id = settlement.merchant_id
JOIN entry ON entry.account_id = merchant.id AND entry.version > greatest(from_version, $2) AND entry.version <= to_version
JOIN transfer ON transfer.id = entry.transfer_id
LEFT JOIN LATERAL (SELECT payer, terminal, reference, memo FROM merchant_line
    WHERE merchant_id = merchant.id AND version = entry.version) AS line ON true
CROSS JOIN LATERAL (SELECT coalesce(
    (SELECT category_code FROM merchant_past_category AS past
        WHERE past.merchant_id = merchant.id AND past.to_version >= entry.version ORDER BY past.to_version LIMIT 1),
    merchant.category_code) AS category_code OFFSET 0) AS held
LEFT JOIN LATERAL (
    SELECT basis_points, fixed, most FROM fee_rule
    WHERE approved_at IS NOT NULL AND effective_from <= transfer.made_at
        AND (merchant_id = merchant.id OR category_code = held.category_code
            OR merchant_id IS NULL AND category_code IS NULL)
    ORDER BY merchant_id IS NULL, category_code IS NULL, effective_from DESC LIMIT 1
) AS rule ON transfer.kind IN ('merchant', 'taking') AND entry.amount > 0
WHERE settlement.id = $1 AND transfer.kind NOT IN ('fee', 'settlement')
ORDER BY entry.version LIMIT $3;

-- name: drop_pay_codes
-- A session has one code at a time that nobody has read yet.
DELETE FROM pay_code WHERE session_id = $1 AND charge_id IS NULL;

-- name: make_pay_code
-- A code for a minute, and not for longer than the wallet is open; none of a wallet that is not.
INSERT INTO pay_code (mac, principal_id, session_id, expires_at)
SELECT $1, principal_id, id, least(city_now() + interval '60 seconds', unlocked_until)
FROM session WHERE id = $2 AND ended_at IS NULL AND unlocked_until > city_now()
RETURNING expires_at;

-- name: forget_pay_codes
-- Codes that nobody can use any more.
DELETE FROM pay_code WHERE expires_at < city_now() - interval '1 day';

-- name: take_pay_code
-- A code is for the first charge that shows it.
UPDATE pay_code SET charge_id = $2 WHERE mac = $1 AND charge_id IS NULL AND expires_at > city_now()
RETURNING principal_id AS payer_id, session_id;

-- name: terminal_of_charge
-- The terminal at which a shop charges: the one that it names, or its first.
SELECT id FROM terminal WHERE merchant_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id = $2)
ORDER BY made_at, id LIMIT 1;

-- name: write_charge
-- What a shop asks.
INSERT INTO charge (id, merchant_id, terminal_id, payer_id, session_id, code_mac, amount, memo, status, asked_by,
    expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, city_now() + interval '3 minutes')
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: charge_for_update
-- A charge, to go on with it.
SELECT id, merchant_id, terminal_id, payer_id, session_id, code_mac, amount, memo, status,
    expires_at <= city_now() AND NOT EXISTS (SELECT FROM payment WHERE payment.id = charge.id) AS late
FROM charge WHERE id = $1 FOR UPDATE;

-- name: charge_status
-- What became of a charge.
UPDATE charge SET status = $2, decided_at = CASE WHEN $2 IN ('paid', 'declined') THEN city_now() END
WHERE id = $1 AND status <> $2 AND (status NOT IN ('paid', 'declined') OR $2 = 'paid')
RETURNING id;

-- name: charge_of_merchant
-- A charge as its shop sees it: it hears that a customer declined, never why, and who it was only once it is paid. What
-- was paid is paid, whatever the row says: its writer may have ended between the money and the row.
SELECT charge.id, charge.amount, charge.memo, charge.terminal_id, terminal.name AS terminal,
    CASE WHEN payment.id IS NOT NULL THEN principal.screen_name END AS payer,
    CASE WHEN payment.id IS NOT NULL THEN 'paid'
        WHEN charge.status IN ('taken', 'asked', 'confirmed') AND expires_at <= city_now() THEN 'expired'
        WHEN charge.status IN ('asked', 'confirmed') THEN 'awaiting_confirmation'
        WHEN charge.status = 'taken' THEN 'pending' ELSE charge.status END AS status,
    charge.made_at, expires_at, decided_at
FROM charge JOIN terminal ON terminal.id = charge.terminal_id LEFT JOIN principal ON principal.id = charge.payer_id
LEFT JOIN payment ON payment.id = charge.id AND payment.payer_id = charge.payer_id
WHERE charge.id = $1 AND charge.merchant_id = $2;

-- name: charge_of_payer
-- A charge as its customer sees it.
SELECT charge.id, charge.amount, charge.memo, merchant.name AS merchant, terminal.name AS terminal,
    CASE WHEN payment.id IS NOT NULL THEN 'paid'
        WHEN charge.status IN ('taken', 'asked', 'confirmed') AND expires_at <= city_now() THEN 'expired'
        WHEN charge.status IN ('asked', 'confirmed') THEN 'awaiting_confirmation'
        WHEN charge.status = 'taken' THEN 'pending' ELSE charge.status END AS status,
    charge.made_at, expires_at, decided_at
FROM charge JOIN terminal ON terminal.id = charge.terminal_id JOIN merchant ON merchant.id = charge.merchant_id
LEFT JOIN payment ON payment.id = charge.id AND payment.payer_id = charge.payer_id
WHERE charge.id = $1 AND charge.payer_id = $2;

-- name: charge_news
-- What the customer is told of a charge that they are to confirm.
SELECT charge.id AS charge_id, payer_id, charge.amount, merchant.name AS merchant_name, terminal.name AS terminal_name
FROM charge JOIN terminal ON terminal.id = terminal_id JOIN merchant ON merchant.id = charge.merchant_id
WHERE charge.id = $1;

-- name: charges_of_person
-- For a copy of all that is held: what shops asked after they had read a code.
SELECT charge.id, merchant.name AS merchant, charge.amount, charge.memo, charge.status, charge.made_at, decided_at
FROM charge JOIN merchant ON merchant.id = charge.merchant_id WHERE payer_id = $1 ORDER BY charge.made_at, charge.id;

-- name: erase_pay_codes
-- A person is forgotten: their codes.
DELETE FROM pay_code WHERE principal_id = $1;

-- name: pay_codes_of_person
-- For a copy of all that is held: codes of the last day.
SELECT made_at, expires_at, charge_id FROM pay_code WHERE principal_id = $1 ORDER BY made_at;

-- name: settlements_of_person
-- For a copy of all that is held: the closed books of one's shops, oldest first, and where their money goes.
SELECT settlement.id, merchant.id AS merchant_id, settled_on, run, opening, takings, takings_count, refunds, refunds_count,
    others, fee, amount, closing, settlement.status, settlement.made_at, bank_bin, account_number, account_name
FROM merchant
LEFT JOIN settlement ON settlement.merchant_id = merchant.id
LEFT JOIN merchant_bank_account ON merchant_bank_account.merchant_id = merchant.id
WHERE owner_id = $1 AND (settlement.id IS NOT NULL OR bank_bin IS NOT NULL) ORDER BY settlement.made_at, settlement.id;

-- name: merchant_i_act_for
-- Is it mine, or am I a machine of its?
SELECT id FROM merchant WHERE id = $1 AND (owner_id = $2 OR is_merchants_machine($1, $2));

-- name: other_webhook_endpoints
-- How many endpoints a merchant has beside this one.
SELECT count(*) FROM webhook_endpoint WHERE merchant_id = $1 AND id <> $2 AND removed_at IS NULL;

-- name: put_webhook_endpoint
-- An endpoint of a merchant, by an id that its owner made; one that was disabled is told again. `new`: it was not there.
INSERT INTO webhook_endpoint (id, merchant_id, url, events, description) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE SET url = excluded.url, events = excluded.events, description = excluded.description,
    disabled_at = NULL, disabled_because = NULL
WHERE webhook_endpoint.merchant_id = excluded.merchant_id AND webhook_endpoint.removed_at IS NULL
RETURNING xmax = 0 AS new;

-- name: webhook_endpoint
-- An endpoint of a merchant.
SELECT id, url, events, description, disabled_because, disabled_at, made_at FROM webhook_endpoint
WHERE id = $1 AND merchant_id = $2 AND removed_at IS NULL;

-- name: webhook_endpoints
-- A merchant's endpoints, in the order in which they were made.
SELECT id, url, events, description, disabled_because, disabled_at, made_at FROM webhook_endpoint
WHERE merchant_id = $1 AND removed_at IS NULL ORDER BY made_at, id;

-- name: lock_webhook_endpoint
-- An endpoint of a merchant, while its secret is changed or its messages end.
SELECT url, disabled_at IS NOT NULL AS disabled FROM webhook_endpoint
WHERE id = $1 AND ($2::uuid IS NULL OR merchant_id = $2) AND removed_at IS NULL FOR NO KEY UPDATE;

-- name: remove_webhook_endpoint
-- It hears nothing any more.
UPDATE webhook_endpoint SET removed_at = city_now() WHERE id = $1 AND merchant_id = $2 AND removed_at IS NULL
RETURNING id;

-- name: drop_webhook_secrets
-- Nothing is signed for it any more.
DELETE FROM webhook_secret WHERE endpoint_id = $1;

-- name: retire_webhook_secrets
-- The newest secret signs along until then, and whichever does so already makes room for it.
WITH gone AS (DELETE FROM webhook_secret WHERE endpoint_id = $1 AND signs_until IS NOT NULL)
UPDATE webhook_secret SET signs_until = city_now() + make_interval(secs => $2)
WHERE endpoint_id = $1 AND signs_until IS NULL RETURNING signs_until;

-- name: keep_webhook_secret
-- What signs an endpoint's messages from now on.
INSERT INTO webhook_secret (id, endpoint_id, sealed) VALUES ($1, $2, $3);

-- name: forget_webhook_secrets
-- Secrets that no longer sign along.
DELETE FROM webhook_secret WHERE signs_until < city_now();

-- name: sealed_webhook_secrets
-- Secrets after this one, to be sealed anew; each is sealed with its id beside it.
SELECT id, sealed, uuid_send(id) AS about FROM webhook_secret WHERE id > $1 ORDER BY id LIMIT $2;

-- name: seal_webhook_secret_anew
-- The same secret under a newer key of the city's.
UPDATE webhook_secret SET sealed = $3 WHERE id = $1 AND sealed = $2 RETURNING id;

-- name: write_webhook_messages
-- News for every endpoint of its merchant that wants to hear it, once; returns how many are to be sent. Of one that is
-- disabled it is kept as a dead letter: it can be sent once the endpoint is there again.
WITH news AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bytea[]) AS told (merchant_id, event, source, body)
), written AS (
    INSERT INTO webhook_message (id, endpoint_id, merchant_id, event, source, body, status, resolved_at)
    SELECT uuidv7(), endpoint.id, news.merchant_id, news.event, news.source, news.body,
        CASE WHEN endpoint.url IS NULL THEN 'kept' WHEN endpoint.disabled_at IS NOT NULL THEN 'dead' ELSE 'waiting' END,
        CASE WHEN endpoint.url IS NULL OR endpoint.disabled_at IS NOT NULL THEN city_now() END
    FROM news JOIN webhook_endpoint AS endpoint ON endpoint.merchant_id = news.merchant_id
        AND endpoint.removed_at IS NULL AND news.event = ANY (endpoint.events)
    ORDER BY news.source
    ON CONFLICT (endpoint_id, source) DO NOTHING
    RETURNING status
)
SELECT count(*) FILTER (WHERE status = 'waiting') FROM written;

-- name: write_webhook_test
-- A message that says nothing but that it came.
INSERT INTO webhook_message (id, endpoint_id, merchant_id, event, body, status, resolved_at)
SELECT $1, endpoint.id, endpoint.merchant_id, 'webhook.test', $3, CASE WHEN url IS NULL THEN 'kept' ELSE 'waiting' END,
    CASE WHEN url IS NULL THEN city_now() END
FROM webhook_endpoint AS endpoint WHERE endpoint.id = $2;

-- name: webhook_message
-- A message of a merchant, and how its last try came out.
SELECT message.id, message.endpoint_id, message.event, message.status, message.attempts,
    convert_from(message.body, 'UTF8') AS body, message.made_at,
    CASE WHEN message.status = 'waiting' THEN message.due_at END AS next_at, message.resolved_at,
    tried.status_code AS last_status_code, tried.failure AS last_failure
FROM webhook_message AS message
LEFT JOIN LATERAL (SELECT status_code, failure FROM webhook_delivery WHERE message_id = message.id
    ORDER BY number DESC LIMIT 1) AS tried ON true
WHERE message.id = $1 AND message.merchant_id = $2;

-- name: webhook_messages
-- A merchant's messages, newest first: of one endpoint, if it is named, and of one state.
SELECT message.id, message.endpoint_id, message.event, message.status, message.attempts,
    convert_from(message.body, 'UTF8') AS body, message.made_at,
    CASE WHEN message.status = 'waiting' THEN message.due_at END AS next_at, message.resolved_at,
    tried.status_code AS last_status_code, tried.failure AS last_failure
FROM webhook_message AS message
LEFT JOIN LATERAL (SELECT status_code, failure FROM webhook_delivery WHERE message_id = message.id
    ORDER BY number DESC LIMIT 1) AS tried ON true
WHERE message.merchant_id = $1 AND ($2::timestamptz IS NULL OR (message.made_at, message.id) < ($2, $3::uuid))
    AND ($4::text IS NULL OR message.status = $4) AND ($5::uuid IS NULL OR message.endpoint_id = $5)
ORDER BY message.made_at DESC, message.id DESC LIMIT $6;

-- name: webhook_tries
-- How the tries of a message came out, newest first.
SELECT number, status_code, failure, took_ms, made_at FROM webhook_delivery WHERE message_id = $1
ORDER BY number DESC LIMIT 50;

-- name: endpoint_of_webhook_message
-- Whose message is it?
SELECT endpoint_id FROM webhook_message WHERE id = $1 AND merchant_id = $2;

-- name: replay_webhook_message
-- It is sent once more, with all its tries before it.
UPDATE webhook_message SET status = 'waiting', attempts = 0, due_at = city_now(), resolved_at = NULL WHERE id = $1;

-- name: replay_webhook_messages
-- Dead letters of an endpoint since then are sent once more, the oldest first, so many at most; returns how many.
WITH dead AS (
    SELECT id FROM webhook_message
    WHERE merchant_id = $1 AND endpoint_id = $2 AND status = 'dead' AND made_at >= $3
    ORDER BY made_at, id LIMIT $4 FOR UPDATE
), again AS (
    UPDATE webhook_message AS message SET status = 'waiting', attempts = 0, due_at = city_now(), resolved_at = NULL
    FROM dead WHERE message.id = dead.id RETURNING message.id
)
SELECT count(*)::int FROM again;

-- name: claim_webhook_messages
-- Take what is due until somebody else may: so many in all, of each endpoint and of each merchant no more than it has
-- places, those first of whom the fewest are on the way. $1 and $2: how many of ours are under way to which endpoint.
WITH RECURSIVE waiting (endpoint_id) AS (
    (SELECT endpoint_id FROM webhook_message WHERE status = 'waiting' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT message.endpoint_id FROM webhook_message AS message
        WHERE message.status = 'waiting' AND message.endpoint_id > waiting.endpoint_id
        ORDER BY message.endpoint_id LIMIT 1)
    FROM waiting WHERE waiting.endpoint_id IS NOT NULL
), ours AS MATERIALIZED (
    SELECT endpoint_id, merchant_id, under_way FROM unnest($1::uuid[], $2::int[]) AS ours (endpoint_id, under_way)
    JOIN webhook_endpoint ON webhook_endpoint.id = endpoint_id
), due AS MATERIALIZED (
    SELECT found.id, found.merchant_id, found.due_at,
        coalesce(ours.under_way, 0) + row_number() OVER (PARTITION BY waiting.endpoint_id ORDER BY found.due_at) AS place
    FROM waiting LEFT JOIN ours USING (endpoint_id)
    CROSS JOIN LATERAL (
        SELECT message.id, message.merchant_id, message.due_at FROM webhook_message AS message
        WHERE message.endpoint_id = waiting.endpoint_id AND message.status = 'waiting'
            AND message.due_at <= city_now()
        ORDER BY message.due_at LIMIT greatest(0, $3::int - coalesce(ours.under_way, 0)) FOR UPDATE SKIP LOCKED
    ) AS found
), placed AS (
    SELECT due.id, due.due_at,
        (SELECT coalesce(sum(under_way), 0) FROM ours WHERE ours.merchant_id = due.merchant_id)
        + row_number() OVER (PARTITION BY due.merchant_id ORDER BY due.place, due.due_at) AS place
    FROM due
), taken AS MATERIALIZED (SELECT id FROM placed WHERE place <= $4::int ORDER BY place, due_at LIMIT $5)
UPDATE webhook_message AS message SET fence = fence + 1, due_at = city_now() + make_interval(secs => $6)
FROM taken, webhook_endpoint AS endpoint
WHERE message.id = taken.id AND endpoint.id = message.endpoint_id
RETURNING message.id, message.endpoint_id, message.merchant_id, message.fence, message.attempts, message.body, endpoint.url,
    endpoint.removed_at IS NULL AND endpoint.disabled_at IS NULL AS wanted,
    ARRAY(SELECT secret.id FROM webhook_secret AS secret WHERE secret.endpoint_id = endpoint.id
        AND (signs_until IS NULL OR signs_until > city_now()) ORDER BY secret.made_at DESC, secret.id DESC) AS secret_ids,
    ARRAY(SELECT secret.sealed FROM webhook_secret AS secret WHERE secret.endpoint_id = endpoint.id
        AND (signs_until IS NULL OR signs_until > city_now()) ORDER BY secret.made_at DESC, secret.id DESC) AS sealed;

-- name: note_webhook_try
-- How a try came out.
INSERT INTO webhook_delivery (message_id, number, status_code, failure, took_ms) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (message_id, number) DO NOTHING;

-- name: webhook_message_delivered
-- They have it, whoever sends it once more meanwhile.
UPDATE webhook_message SET status = 'delivered', attempts = attempts + 1, resolved_at = city_now()
WHERE id = $1 AND status <> 'delivered';

-- name: put_webhook_message_off
-- It is tried again later, unless it is in other hands by now.
UPDATE webhook_message SET attempts = attempts + 1, due_at = $3 WHERE id = $1 AND fence = $2 AND status = 'waiting';

-- name: bury_webhook_message
-- No more tries, unless it is in other hands by now.
UPDATE webhook_message SET status = 'dead', attempts = attempts + $3, resolved_at = city_now()
WHERE id = $1 AND fence = $2 AND status = 'waiting' RETURNING made_at;

-- name: bury_webhook_messages
-- Nothing more is sent to an endpoint; what waits is kept as dead letters. Returns how many these are.
WITH buried AS (
    UPDATE webhook_message SET status = 'dead', resolved_at = city_now()
    WHERE endpoint_id = $1 AND status = 'waiting' RETURNING id
)
SELECT count(*) FROM buried;

-- name: webhook_endpoint_takes_something
-- Did it take a message since then?
SELECT EXISTS (SELECT FROM webhook_message WHERE endpoint_id = $1 AND status = 'delivered' AND resolved_at > $2);

-- name: disable_webhook_endpoint
-- It hears nothing until its owner puts it again; what is told of it.
UPDATE webhook_endpoint AS endpoint SET disabled_at = city_now(), disabled_because = $2
FROM merchant
WHERE endpoint.id = $1 AND endpoint.disabled_at IS NULL AND endpoint.removed_at IS NULL
    AND merchant.id = endpoint.merchant_id
RETURNING merchant.id AS merchant_id, merchant.owner_id, merchant.name AS merchant_name, endpoint.url;

-- name: merchant_name
-- What a shop is called.
SELECT name FROM merchant WHERE id = $1;

-- name: api_keys_of_merchant
-- How many keys of a shop open something.
SELECT count(*) FROM merchant_machine JOIN machine ON machine.id = machine_id
WHERE merchant_id = $1 AND machine.closed_at IS NULL;

-- name: bind_merchant_machine
-- A machine acts for this shop.
INSERT INTO merchant_machine (machine_id, merchant_id) VALUES ($1, $2);

-- name: api_key
-- A key of a shop that opens something.
SELECT machine.id, principal.name, scopes, machine_key.id AS key_id, machine_key.made_at, machine_key.last_used_at
FROM merchant_machine JOIN machine ON machine.id = machine_id JOIN principal ON principal.id = machine_id
JOIN machine_key ON machine_key.machine_id = machine.id AND machine_key.revoked_at IS NULL
WHERE machine.id = $1 AND merchant_id = $2 AND machine.closed_at IS NULL
ORDER BY machine_key.made_at DESC LIMIT 1;

-- name: api_keys
-- The keys of a shop that open something, in the order in which they were made.
SELECT machine.id, principal.name, scopes, machine_key.id AS key_id, machine_key.made_at, machine_key.last_used_at
FROM merchant_machine JOIN machine ON machine.id = machine_id JOIN principal ON principal.id = machine_id
JOIN machine_key ON machine_key.machine_id = machine.id AND machine_key.revoked_at IS NULL
WHERE merchant_id = $1 AND machine.closed_at IS NULL
ORDER BY machine_key.made_at, machine_key.id;

-- name: webhooks_of_person
-- Where this person's shops are told, and by which machines they act.
SELECT merchant.name AS shop, 'webhook' AS what, endpoint.url, endpoint.description AS name, endpoint.made_at,
    endpoint.removed_at AS ended_at
FROM webhook_endpoint AS endpoint JOIN merchant ON merchant.id = endpoint.merchant_id WHERE owner_id = $1
UNION ALL
SELECT merchant.name, 'api key', NULL, principal.name, merchant_machine.made_at, machine.closed_at
FROM merchant_machine JOIN merchant ON merchant.id = merchant_machine.merchant_id
JOIN machine ON machine.id = machine_id JOIN principal ON principal.id = machine_id WHERE owner_id = $1
ORDER BY made_at;

-- name: erase_webhooks_of_person
-- The shops are closed: nobody is told any more, nor is it kept where they were.
WITH theirs AS (SELECT id FROM merchant WHERE owner_id = $1),
    secrets AS (DELETE FROM webhook_secret USING webhook_endpoint, theirs
        WHERE webhook_endpoint.id = endpoint_id AND merchant_id = theirs.id),
    messages AS (DELETE FROM webhook_message USING theirs WHERE merchant_id = theirs.id)
UPDATE webhook_endpoint SET removed_at = coalesce(removed_at, city_now()), url = NULL, description = NULL
FROM theirs WHERE merchant_id = theirs.id;

-- name: forget_webhook_messages
-- Messages that are older than so many days, sent or not.
WITH old AS (
    SELECT id FROM webhook_message WHERE made_at < city_now() - make_interval(days => $1) ORDER BY made_at LIMIT $2
), gone AS (DELETE FROM webhook_message USING old WHERE webhook_message.id = old.id RETURNING webhook_message.id)
SELECT count(*) FROM gone;

-- name: stream_position
-- The last line of a shop's account, for whoever may act for the shop.
SELECT coalesce((SELECT version FROM account WHERE id = $1), 0) WHERE acts_for_merchant($1, $2);

-- name: stream_positions
-- The same of many, for sessions that may still hear what comes in there.
SELECT asked.nth, coalesce(account.version, 0) AS version
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS asked (merchant_id, principal_id, session_id, nth)
JOIN session ON session.id = asked.session_id AND session.principal_id = asked.principal_id
    AND session.ended_at IS NULL
JOIN principal ON principal.id = asked.principal_id AND principal.closed_at IS NULL AND principal.locked_at IS NULL
LEFT JOIN account ON account.id = asked.merchant_id
WHERE acts_for_merchant(asked.merchant_id, asked.principal_id);

-- name: takings_between
-- What came in, and was given back, after a line and up to another, oldest first; of that what I may see.
SELECT version, id, kind, amount, payer, terminal_id, terminal, order_id, reference, memo, original_id, balance_after,
    made_at
FROM merchant_line
WHERE merchant_id = $1 AND version > $3 AND version <= $4 AND sees_merchant_line($1, $2, terminal_id, version)
ORDER BY version LIMIT $5;

-- name: merchant_to_change
-- A merchant whose state somebody changes: one at a time.
SELECT status, status_reason, owner_id, name, category_code, ward_code AS ward, wanted_name, wanted_category_code
FROM merchant WHERE id = $1 FOR NO KEY UPDATE;

-- name: change_merchant_status
-- From now on it is so, and why.
UPDATE merchant SET status = $2, status_reason = $3, status_changed_at = city_now() WHERE id = $1;

-- name: merchants_for_staff
-- The city's merchants, newest first; of one status, or those of which something waits to be looked at, if asked for.
SELECT merchant.id, merchant.name, category_code, ward_code AS ward, status, status_reason, owner_id,
    principal.screen_name AS owner_name, principal.level AS owner_level, virtual_account, merchant.made_at,
    status_changed_at, wanted_name, wanted_category_code
FROM merchant JOIN principal ON principal.id = owner_id
WHERE ($1::text IS NULL OR status = $1)
    AND (NOT $2::boolean OR status = 'pending' OR wanted_name IS NOT NULL)
    AND ($3::timestamptz IS NULL OR (merchant.made_at, merchant.id) < ($3, $4::uuid))
ORDER BY merchant.made_at DESC, merchant.id DESC LIMIT $5;

-- name: merchant_for_staff
-- One of them.
SELECT merchant.id, merchant.name, category_code, ward_code AS ward, status, status_reason, owner_id,
    principal.screen_name AS owner_name, principal.level AS owner_level, virtual_account, merchant.made_at,
    status_changed_at, wanted_name, wanted_category_code
FROM merchant JOIN principal ON principal.id = owner_id WHERE merchant.id = $1;

-- name: close_merchant_account
-- No money comes in any more: whoever is about to pay waits for the account's lock, and then finds it closed.
SELECT wallet_close($1);

-- name: money_of_merchant
-- Is there any on its account, held there, or on its way to its bank?
SELECT EXISTS (SELECT FROM account WHERE id = $1 AND (posted <> 0 OR pending <> 0))
    OR EXISTS (SELECT FROM settlement WHERE merchant_id = $1 AND status <> 'paid');

-- name: other_cashiers
-- How many others work at a merchant's counter or are invited to, and has one of them this number?
SELECT count(*) AS others, coalesce(bool_or(phone = $3), false) AS same_number
FROM merchant_cashier WHERE merchant_id = $1 AND id <> $2 AND removed_at IS NULL;

-- name: invite_cashier
-- An invitation, or a new name and ceiling for whoever was invited by this id and number; it is good for a week.
INSERT INTO merchant_cashier (id, merchant_id, phone, name, may_refund_up_to, expires_at)
VALUES ($1, $2, $3, $4, $5, city_now() + interval '7 days')
ON CONFLICT (id) DO UPDATE SET name = excluded.name, may_refund_up_to = excluded.may_refund_up_to,
    expires_at = excluded.expires_at
WHERE merchant_cashier.merchant_id = excluded.merchant_id AND merchant_cashier.phone = excluded.phone
    AND merchant_cashier.removed_at IS NULL
RETURNING id;

-- name: cashier
-- Somebody who works at a merchant's counter, or is invited to.
SELECT id, merchant_id, phone, name, may_refund_up_to,
    CASE WHEN accepted_at IS NOT NULL THEN 'active' WHEN expires_at <= city_now() THEN 'expired' ELSE 'invited' END
        AS status,
    invited_at, expires_at, accepted_at
FROM merchant_cashier WHERE id = $1 AND merchant_id = $2 AND removed_at IS NULL;

-- name: cashiers
-- All of them.
SELECT id, merchant_id, phone, name, may_refund_up_to,
    CASE WHEN accepted_at IS NOT NULL THEN 'active' WHEN expires_at <= city_now() THEN 'expired' ELSE 'invited' END
        AS status,
    invited_at, expires_at, accepted_at
FROM merchant_cashier WHERE merchant_id = $1 AND removed_at IS NULL ORDER BY invited_at, id;

-- name: resident_of_number
-- Who is told of an invitation, and by what name of the shop's.
SELECT principal.id AS principal_id, merchant.name AS merchant_name FROM principal, merchant
WHERE phone = $1 AND kind = 'resident' AND closed_at IS NULL AND merchant.id = $2;

-- name: invitations_of_mine
-- The shops that ask for whoever has my number.
SELECT cashier.id AS cashier_id, merchant.id AS merchant_id, merchant.name AS merchant_name, invited_at, expires_at
FROM principal
JOIN merchant_cashier AS cashier ON cashier.phone = principal.phone AND accepted_at IS NULL AND removed_at IS NULL
JOIN merchant ON merchant.id = cashier.merchant_id AND merchant.status <> 'closed'
WHERE principal.id = $1 AND expires_at > city_now()
ORDER BY invited_at DESC, cashier.id LIMIT 50;

-- name: lock_merchant
-- Nobody else changes who works there meanwhile.
SELECT owner_id, name FROM merchant WHERE id = $1 FOR NO KEY UPDATE;

-- name: invitation_to_me
-- Is it to my number, or did I accept it? May it still be accepted, and do I work there already by another one?
SELECT name, accepted_at IS NOT NULL AS accepted, expires_at > city_now() AS in_time,
    EXISTS (SELECT FROM merchant_cashier AS other WHERE other.principal_id = $3 AND other.merchant_id = $2
        AND other.id <> $1 AND other.removed_at IS NULL) AS works_there
FROM merchant_cashier AS cashier
WHERE id = $1 AND merchant_id = $2 AND removed_at IS NULL
    AND (principal_id = $3 OR accepted_at IS NULL AND phone = (SELECT phone FROM principal WHERE id = $3));

-- name: accept_invitation
-- From now on I work there.
UPDATE merchant_cashier SET principal_id = $2, accepted_at = city_now() WHERE id = $1;

-- name: remove_cashier
-- Who works there no longer, or does not want to: the owner says so, or they themselves.
UPDATE merchant_cashier AS cashier SET removed_at = city_now()
FROM merchant
WHERE cashier.id = $1 AND cashier.merchant_id = $2 AND removed_at IS NULL AND merchant.id = $2
    AND (merchant.owner_id = $3 OR cashier.principal_id = $3
        OR cashier.accepted_at IS NULL AND cashier.phone = (SELECT phone FROM principal WHERE id = $3))
RETURNING cashier.id, cashier.principal_id, merchant.name AS merchant_name;

-- name: remove_cashiers
-- Nobody works at a closed merchant.
UPDATE merchant_cashier SET removed_at = city_now() WHERE merchant_id = $1 AND removed_at IS NULL;

-- name: cashier_who_refunds
-- How much may whoever works there give back in a day? One refund of theirs at a time.
SELECT may_refund_up_to FROM merchant_cashier
WHERE merchant_id = $1 AND principal_id = $2 AND removed_at IS NULL FOR NO KEY UPDATE;

-- name: refunded_today
-- What somebody has given back at a merchant today, but for one refund.
SELECT coalesce(sum(amount), 0)::bigint FROM refund
WHERE merchant_id = $1 AND asked_by = $2 AND NOT by_staff AND status IN ('pending', 'paid') AND id <> $3
    AND made_at >= date_trunc('day', city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh') AT TIME ZONE 'Asia/Ho_Chi_Minh';

-- name: open_shift
-- A shift that begins now, with the next entry of the merchant's account; once per id, one at a terminal.
INSERT INTO merchant_shift (id, merchant_id, terminal_id, principal_id, from_version)
VALUES ($1, $2, $3, $4, coalesce((SELECT version FROM account WHERE id = $2), 0))
ON CONFLICT DO NOTHING
RETURNING id;

-- name: shift_holder
-- Whose shift has this id?
SELECT principal_id FROM merchant_shift WHERE id = $1;

-- name: live_terminal
-- Is it a terminal of this merchant, with a sticker that is good?
SELECT id FROM terminal WHERE id = $1 AND merchant_id = $2 AND revoked_at IS NULL;

-- name: shift_to_close
-- A shift of mine, or of my merchant.
SELECT shift.id FROM merchant_shift AS shift JOIN merchant ON merchant.id = shift.merchant_id
WHERE shift.id = $1 AND merchant.id = $2
    AND (merchant.owner_id = $3 OR shift.principal_id = $3 AND acts_for_merchant($2, $3));

-- name: open_shifts
-- The shifts that are open at a merchant; of one person, if asked for.
SELECT id FROM merchant_shift
WHERE merchant_id = $1 AND ($2::uuid IS NULL OR principal_id = $2) AND closed_at IS NULL;

-- name: forgotten_shifts
-- Shifts that nobody closed within $1 hours.
SELECT id FROM merchant_shift WHERE closed_at IS NULL AND opened_at < city_now() - make_interval(hours => $1)
ORDER BY opened_at LIMIT 100 FOR UPDATE SKIP LOCKED;

-- name: close_shifts
-- Shifts that end with the last entry of their merchant's account, and what came in and went back until then. Whoever
-- closes one at the same time waits, and finds it closed.
WITH closing AS (
    SELECT shift.id, shift.merchant_id, terminal_id, from_version,
        coalesce((SELECT version FROM account WHERE account.id = shift.merchant_id), 0) AS to_version
    FROM merchant_shift AS shift
    WHERE shift.id = ANY ($1::uuid[]) AND closed_at IS NULL
    ORDER BY shift.id FOR UPDATE
), total AS (
    SELECT closing.id, closing.to_version,
        count(*) FILTER (WHERE line.amount > 0) AS takings_count,
        coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0)::bigint AS takings_amount,
        count(*) FILTER (WHERE line.amount < 0) AS refunds_count,
        coalesce(-sum(line.amount) FILTER (WHERE line.amount < 0), 0)::bigint AS refunds_amount
    FROM closing
    LEFT JOIN merchant_line AS line ON line.merchant_id = closing.merchant_id
        AND line.version > closing.from_version AND line.version <= closing.to_version
        AND line.terminal_id = closing.terminal_id
    GROUP BY closing.id, closing.to_version
)
UPDATE merchant_shift AS shift
SET closed_at = city_now(), closed_by = $2, to_version = total.to_version, takings_count = total.takings_count,
    takings_amount = total.takings_amount, refunds_count = total.refunds_count, refunds_amount = total.refunds_amount
FROM total WHERE shift.id = total.id;

-- name: shifts
-- The shifts at a merchant (one of them, if asked for), newest first: all for its owner, their own for whoever works
-- there. What came in during those that are open is counted in one look at the account.
WITH page AS MATERIALIZED (
    SELECT shift.* FROM merchant_shift AS shift JOIN merchant ON merchant.id = shift.merchant_id
    WHERE merchant.id = $1 AND ($3::uuid IS NULL OR shift.id = $3)
        AND (merchant.owner_id = $2 OR shift.principal_id = $2 AND acts_for_merchant($1, $2))
        AND ($4::timestamptz IS NULL OR (opened_at, shift.id) < ($4, $5::uuid))
    ORDER BY opened_at DESC, shift.id DESC LIMIT $6
), line AS MATERIALIZED (
    SELECT version, terminal_id, amount FROM merchant_line
    WHERE merchant_id = $1 AND version > (SELECT min(from_version) FROM page WHERE closed_at IS NULL)
), so_far AS (
    SELECT page.id, count(*) FILTER (WHERE line.amount > 0) AS takings_count,
        coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0)::bigint AS takings_amount,
        count(*) FILTER (WHERE line.amount < 0) AS refunds_count,
        coalesce(-sum(line.amount) FILTER (WHERE line.amount < 0), 0)::bigint AS refunds_amount
    FROM page JOIN line ON line.terminal_id = page.terminal_id AND line.version > page.from_version
    WHERE page.closed_at IS NULL GROUP BY page.id
)
SELECT page.id, page.merchant_id, page.terminal_id, terminal.name AS terminal,
    coalesce((SELECT cashier.name FROM merchant_cashier AS cashier
        WHERE cashier.merchant_id = $1 AND cashier.principal_id = page.principal_id
        ORDER BY removed_at DESC NULLS FIRST LIMIT 1), principal.screen_name, '***') AS person,
    opened_at, page.closed_at,
    coalesce(page.takings_count, so_far.takings_count, 0) AS takings_count,
    coalesce(page.takings_amount, so_far.takings_amount, 0) AS takings_amount,
    coalesce(page.refunds_count, so_far.refunds_count, 0) AS refunds_count,
    coalesce(page.refunds_amount, so_far.refunds_amount, 0) AS refunds_amount,
    coalesce(page.takings_amount - page.refunds_amount, so_far.takings_amount - so_far.refunds_amount, 0) AS net
FROM page
JOIN terminal ON terminal.id = page.terminal_id
LEFT JOIN principal ON principal.id = page.principal_id
LEFT JOIN so_far ON so_far.id = page.id
ORDER BY opened_at DESC, page.id DESC;

-- name: counters_of_person
-- For a copy of all that is held: the shops at whose counter somebody works or worked.
SELECT cashier.id, merchant.name AS merchant, cashier.name, may_refund_up_to, invited_at, accepted_at, removed_at,
    (SELECT count(*) FROM merchant_shift AS shift
        WHERE shift.principal_id = $1 AND shift.merchant_id = cashier.merchant_id) AS shifts
FROM merchant_cashier AS cashier JOIN merchant ON merchant.id = cashier.merchant_id
WHERE cashier.principal_id = $1 OR cashier.phone = (SELECT phone FROM principal WHERE id = $1)
ORDER BY invited_at, cashier.id;

-- name: erase_counters
-- Nobody is called so any more, or invited by this number; which shift was whose stays, by an id.
UPDATE merchant_cashier SET phone = NULL, name = '***', removed_at = coalesce(removed_at, city_now())
WHERE principal_id = $1 OR phone = (SELECT phone FROM principal WHERE id = $1);

-- name: forget_counters
-- Whoever left, or never came, more than $1 days ago; at most $2 of them.
WITH old AS (
    DELETE FROM merchant_cashier WHERE id = ANY (ARRAY(
        SELECT id FROM merchant_cashier
        WHERE (removed_at IS NOT NULL OR accepted_at IS NULL)
            AND coalesce(removed_at, expires_at) < city_now() - make_interval(days => $1) LIMIT $2))
    RETURNING id
)
SELECT count(*) FROM old;
