-- name: write_payout
-- Money that shall go to a bank, once per id. Its own job tells the bank; by the clock only if that job is lost.
INSERT INTO payout (id, kind, debit_account_id, principal_id, bank_bin, account_number, account_name, amount, content,
    next_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, city_now() + interval '30 seconds')
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: banks
-- The banks to which money can be sent.
SELECT bin, code, short_name, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS name
FROM bank WHERE open ORDER BY short_name;

-- name: bank_is_open
-- Can money be sent there now?
SELECT coalesce((SELECT open FROM bank WHERE bin = $1), false);

-- name: payouts
-- Payouts of all kinds, newest first, for those who look after them.
SELECT id, kind, status, amount, bank_bin, bank.short_name AS bank_name, '***' || right(account_number, 4) AS account_number,
    account_name, content, reason, bank_reference, attempts, next_at, made_at, resolved_at
FROM payout JOIN bank ON bank.bin = bank_bin
WHERE ($1::text IS NULL OR status = $1) AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: claim_payout
-- Take a payout into one's hands to send it: one that the bank was not told of, or that it does not know although it
-- was told long ago. Nothing if somebody else has it. Its route is chosen once: fast up to $3.
UPDATE payout SET status = 'sending', attempts = attempts + 1, sent_at = city_now(),
    next_at = city_now() + interval '60 seconds',
    route = coalesce(route, CASE WHEN amount <= $3 THEN 'fast' ELSE 'interbank' END)
WHERE id = $1 AND (status = 'ready' OR status = 'unknown' AND sent_at <= city_now() - make_interval(secs => $2))
RETURNING amount, bank_bin, account_number, account_name, content, route;

-- name: give_payout_back
-- Nothing was sent after all: the first time it is ready again; later a request before this one may have arrived.
UPDATE payout SET status = CASE attempts WHEN 1 THEN 'ready' ELSE 'unknown' END,
    attempts = attempts - 1, next_at = city_now() + make_interval(secs => $2)
WHERE id = $1 AND status = 'sending';

-- name: put_payout_off
-- Nobody knows yet what became of it: ask again, the later the older it is.
UPDATE payout SET status = 'unknown',
    next_at = city_now() + least(greatest((city_now() - made_at) / 4, interval '15 seconds'), interval '30 minutes')
WHERE id = $1 AND status IN ('sending', 'unknown');

-- name: payouts_due
-- Payouts that somebody should look at now; for a minute they are looked at by whoever asked this.
UPDATE payout SET next_at = city_now() + interval '60 seconds'
WHERE id IN (SELECT id FROM payout WHERE status IN ('ready', 'sending', 'unknown') AND next_at <= city_now()
    ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id, status;

-- name: payout_for_update
-- A payout whose end is known.
SELECT kind, status FROM payout WHERE id = $1 FOR UPDATE;

-- name: resolve_payout
-- Its end.
UPDATE payout SET status = $2, reason = $3, bank_reference = $4, resolved_at = city_now() WHERE id = $1;

-- name: withdrawal
-- A withdrawal of mine.
SELECT id, CASE status WHEN 'paid' THEN 'paid' WHEN 'refused' THEN 'failed' ELSE 'pending' END AS status, amount,
    bank_bin, bank.short_name AS bank_name, '***' || right(account_number, 4) AS account_number, account_name, reason,
    made_at, resolved_at
FROM payout JOIN bank ON bank.bin = bank_bin
WHERE id = $1 AND principal_id = $2 AND kind = 'withdrawal';

-- name: withdrawals
-- My withdrawals, newest first.
SELECT id, CASE status WHEN 'paid' THEN 'paid' WHEN 'refused' THEN 'failed' ELSE 'pending' END AS status, amount,
    bank_bin, bank.short_name AS bank_name, '***' || right(account_number, 4) AS account_number, account_name, reason,
    made_at, resolved_at
FROM payout JOIN bank ON bank.bin = bank_bin
WHERE principal_id = $1 AND kind = 'withdrawal' AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: withdrawal_news
-- What is told of a withdrawal when it ends.
SELECT payout.id AS withdrawal_id, principal_id AS payer_id, amount, bank.short_name AS bank_name,
    right(account_number, 4) AS account
FROM payout JOIN bank ON bank.bin = bank_bin WHERE payout.id = $1;

-- name: name_of
-- The name that somebody was verified by.
SELECT name FROM principal WHERE id = $1;

-- name: payouts_of_person
-- For a copy of all that is held: money that was sent to banks, oldest first.
SELECT id, kind, bank_bin, account_number, account_name, amount, content, status, reason, bank_reference, made_at,
    resolved_at
FROM payout WHERE principal_id = $1 ORDER BY made_at, id;

-- name: lock_person
-- Of what is counted by the day, one at a time.
SELECT id FROM principal WHERE id = $1 FOR NO KEY UPDATE;

-- name: top_up
-- A top-up by its id, whoever asks.
SELECT id, principal_id, method, amount, code, address, language, reason, made_at, expires_at, resolved_at,
    CASE WHEN status = 'pending' AND method = 'bank_transfer' AND expires_at <= city_now() THEN 'expired'
        ELSE status END AS status
FROM top_up WHERE id = $1;

-- name: top_ups
-- My top-ups, newest first.
SELECT id, principal_id, method, amount, code, address, language, reason, made_at, expires_at, resolved_at,
    CASE WHEN status = 'pending' AND method = 'bank_transfer' AND expires_at <= city_now() THEN 'expired'
        ELSE status END AS status
FROM top_up
WHERE principal_id = $1 AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: all_top_ups
-- Everybody's top-ups, newest first, for those who look after them.
SELECT id, principal_id, method, status, amount, code, reason, gateway_reference, gateway_bank, next_ask_at, made_at,
    expires_at, resolved_at
FROM top_up
WHERE ($1::text IS NULL OR status = $1) AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: money_has_this_id
-- Was money moved or held under this id?
SELECT EXISTS (SELECT FROM transfer WHERE id = $1) OR EXISTS (SELECT FROM hold WHERE id = $1);

-- name: topped_up_today
-- What somebody has put in on this day of Huế, or is still putting in.
SELECT coalesce(sum(amount), 0)::bigint FROM top_up
WHERE principal_id = $1
    AND made_at >= date_trunc('day', city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh') AT TIME ZONE 'Asia/Ho_Chi_Minh'
    AND (status IN ('paid', 'review') OR status = 'pending' AND expires_at > city_now());

-- name: use_strong_proof
-- A passkey or a face match for exactly this, which is used up by it.
UPDATE step_up SET used_at = city_now()
WHERE id = $1 AND principal_id = $2 AND session_id = $3 AND payment_id = $4 AND fingerprint = $5
    AND method IN ('passkey', 'face') AND used_at IS NULL AND expires_at > city_now()
RETURNING id;

-- name: write_top_up
-- Somebody means to put money in, once per id; the gateway is asked about it a minute after its page has closed.
INSERT INTO top_up (id, principal_id, method, amount, code, address, language, expires_at, next_ask_at)
VALUES ($1, $2, $3::text, $4, $5, $6, $7, city_now() + make_interval(secs => $8),
    CASE WHEN $3 = 'vnpay' THEN city_now() + make_interval(secs => $8 + 60) END)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: top_up_for_update
-- A top-up of which the gateway tells something.
SELECT id, principal_id, method, amount, status, expires_at, EXISTS (
    SELECT FROM account WHERE account.id = principal_id AND closed_at IS NOT NULL) AS wallet_is_closed
FROM top_up WHERE id = $1 AND method = 'vnpay' FOR UPDATE;

-- name: top_up_by_code_for_update
-- The top-up whose code stands in a transfer's words.
SELECT id, principal_id, method, amount, status, expires_at, EXISTS (
    SELECT FROM account WHERE account.id = principal_id AND closed_at IS NOT NULL) AS wallet_is_closed
FROM top_up WHERE code = $1 FOR UPDATE;

-- name: pay_top_up
-- The money is there.
UPDATE top_up SET status = 'paid', reason = NULL, gateway_reference = coalesce($2, gateway_reference),
    gateway_bank = coalesce($3, gateway_bank), next_ask_at = NULL, resolved_at = city_now()
WHERE id = $1;

-- name: review_top_up
-- The gateway has the money and looks at it: it is not to be spent yet, and the gateway is asked again.
UPDATE top_up SET status = 'review', reason = NULL, gateway_reference = coalesce($2, gateway_reference),
    gateway_bank = coalesce($3, gateway_bank), resolved_at = NULL, next_ask_at = city_now() + interval '30 minutes'
WHERE id = $1;

-- name: end_top_up
-- Nothing was paid, as the gateway says; or nobody paid in time; or the wallet was closed, and the money waits in suspense.
UPDATE top_up SET status = CASE WHEN $2::text IS NULL THEN 'expired' ELSE 'failed' END, reason = $2,
    gateway_reference = coalesce($3, gateway_reference), gateway_bank = coalesce($4, gateway_bank), next_ask_at = NULL,
    resolved_at = city_now()
WHERE id = $1;

-- name: found_top_up
-- The money that was found to be this person's is what their top-up waited for, if its code stands in the words.
UPDATE top_up SET status = 'paid', resolved_at = city_now()
WHERE code = ANY ($1::text[]) AND principal_id = $2 AND amount = $3 AND status IN ('pending', 'expired');

-- name: top_ups_to_ask
-- Top-ups that the gateway should be asked about; whoever asked this asks for them, others wait, the longer the older
-- they are.
UPDATE top_up SET next_ask_at = city_now()
    + least(greatest((city_now() - made_at) / 4, interval '3 minutes'), interval '2 hours')
WHERE id IN (SELECT id FROM top_up WHERE next_ask_at <= city_now() ORDER BY next_ask_at LIMIT $1
    FOR UPDATE SKIP LOCKED)
RETURNING id, made_at, expires_at;

-- name: expire_transfers
-- Top-ups by transfer whose time has passed.
UPDATE top_up SET status = 'expired', resolved_at = city_now()
WHERE id IN (SELECT id FROM top_up WHERE status = 'pending' AND method = 'bank_transfer' AND expires_at <= city_now()
    LIMIT $1 FOR UPDATE SKIP LOCKED);

-- name: top_ups_of_person
-- For a copy of all that is held: top-ups, oldest first.
SELECT id, method, amount, code, address, language, status, reason, gateway_reference, gateway_bank, made_at,
    expires_at, resolved_at
FROM top_up WHERE principal_id = $1 ORDER BY made_at, id;

-- name: erase_addresses_of_top_ups
-- A person is forgotten: where they topped up from.
UPDATE top_up SET address = NULL WHERE principal_id = $1;

-- name: open_top_ups_of_person
-- Is money of this person on its way in?
SELECT EXISTS (SELECT FROM top_up WHERE principal_id = $1
    AND (status = 'review' OR status = 'pending' AND expires_at > city_now()));

-- name: payout_to_find
-- A payout that somebody looks into: does the bank say nothing of it for too long?
SELECT status IN ('ready', 'unknown') AND made_at < city_now() - make_interval(secs => $2)
        AND coalesce(sent_at, made_at) < city_now() - make_interval(secs => $3) AS stuck,
    coalesce(sent_at, made_at) AS sent_at
FROM payout WHERE id = $1 FOR UPDATE;

-- name: top_up_to_find
-- A top-up that somebody looks into: does the gateway look at it for too long? What waits in suspense is decided there.
SELECT status = 'review' AND made_at < city_now() - make_interval(secs => $2)
        AND made_at < city_now() - make_interval(secs => $3) AS stuck,
    made_at AS sent_at
FROM top_up WHERE id = $1 AND method = 'vnpay' FOR UPDATE;

-- name: is_virtual_account
-- Is this a shop's?
SELECT EXISTS (SELECT FROM merchant WHERE virtual_account = $1);

-- name: write_inbound_transfer
-- A notice of money that came in, unless it, or another of the same transfer, is there.
INSERT INTO inbound_transfer (id, source, told_as, account_number, virtual_account, amount, content, sender_bank_bin,
    sender_account, sender_name, occurred_at, bank_reference, status)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: write_duplicate_transfer
-- A notice of a transfer that another notice told before. The same notice again is nothing.
INSERT INTO inbound_transfer (id, source, told_as, account_number, virtual_account, amount, content, sender_bank_bin,
    sender_account, sender_name, occurred_at, bank_reference, status, matched_kind, matched_id)
SELECT $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::text, $8::text, $9::text, $10::text,
    $11::timestamptz, $12::text, 'duplicate', 'inbound_transfer', known.id
FROM inbound_transfer AS known
WHERE known.account_number = $4 AND known.bank_reference = $12 AND known.amount = $6
    AND known.status IN ('matched', 'suspense')
ON CONFLICT DO NOTHING;

-- name: learn_sender
-- Who sent a transfer of which nobody told that before; a shop can give it back then.
WITH told AS (
    UPDATE inbound_transfer SET sender_bank_bin = $4, sender_account = $5, sender_name = $6
    WHERE account_number = $1 AND bank_reference = $2 AND amount = $3 AND status IN ('matched', 'suspense')
        AND sender_account IS NULL
    RETURNING id
)
UPDATE bank_taking SET sender_bank_bin = $4, sender_account = $5, sender_name = $6
FROM told WHERE bank_taking.id = told.id AND bank_taking.sender_account IS NULL;

-- name: match_transfer
-- Whom a transfer is for: by the codes in its words (top-ups, bills, orders), then by the account that it came in on.
SELECT kind, id, merchant_id, code FROM (
    SELECT 1 AS place, 'top_up' AS kind, id, NULL::uuid AS merchant_id, code FROM top_up WHERE code = ANY ($1::text[])
    UNION ALL
    SELECT 2, 'bill', bill_id, NULL, code FROM bill_transfer_code WHERE code = ANY ($2::text[])
    UNION ALL
    SELECT 3, 'order', order_id, merchant_order.merchant_id, code
    FROM order_transfer_code JOIN merchant_order ON merchant_order.id = order_id WHERE code = ANY ($3::text[])
    UNION ALL
    SELECT 4, 'merchant', id, id, NULL FROM merchant WHERE virtual_account = ANY ($4::text[])
) AS found ORDER BY place LIMIT 1;

-- name: match_inbound_transfer
-- Where it went.
UPDATE inbound_transfer SET status = 'matched', matched_kind = $2, matched_id = $3 WHERE id = $1;

-- name: transfer_is_booked
-- Is a transfer of this name and amount in the books?
SELECT EXISTS (SELECT FROM inbound_transfer
    WHERE account_number = $1 AND bank_reference = $2 AND amount = $3 AND status IN ('matched', 'suspense'));

-- name: propose_transfer
-- A transfer of which a member of finance tells, once per id.
INSERT INTO inbound_transfer (id, source, told_as, account_number, virtual_account, amount, content, sender_bank_bin,
    sender_account, sender_name, occurred_at, bank_reference, status, note, proposed_by)
VALUES ($1, 'finance', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'proposed', $12, $13)
ON CONFLICT DO NOTHING RETURNING id;

-- name: transfer_for_update
-- A notice, however it was told, that is about to be told again or decided on.
SELECT id, status, proposed_by, decided_by, told_as, account_number, virtual_account, bank_reference, amount, content,
    sender_bank_bin, sender_account, sender_name, occurred_at, note
FROM inbound_transfer WHERE id = $1 FOR UPDATE;

-- name: decide_transfer
-- It is booked like any other, or not at all.
UPDATE inbound_transfer SET status = $2, decided_by = $3, decided_at = city_now() WHERE id = $1;

-- name: inbound_proposal
-- A transfer of which a member of finance told, and what became of it.
SELECT id, source, told_as, account_number, virtual_account, bank_reference, amount, content, sender_bank_bin,
    sender_account, sender_name, occurred_at, status, matched_kind, matched_id, made_at, note, proposed_by, decided_by,
    decided_at
FROM inbound_transfer WHERE id = $1;

-- name: inbound_transfers
-- Notices of money that came in, newest first, for those who look after them.
SELECT id, source, told_as, account_number, virtual_account, bank_reference, amount, content, sender_bank_bin,
    sender_account, sender_name, occurred_at, status, matched_kind, matched_id, made_at
FROM inbound_transfer
WHERE ($1::text IS NULL OR status = $1) AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: write_bank_taking
-- A shop is paid from a bank; whose it is, and whether it takes money at all.
WITH taken AS (
    INSERT INTO bank_taking (id, merchant_id, order_id, amount, sender_bank_bin, sender_account, sender_name, content)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    RETURNING merchant_id, order_id
)
SELECT owner_id, name AS merchant_name, merchant.status = 'active' AS takes_money,
    merchant_order.reference AS order_reference
FROM taken JOIN merchant ON merchant.id = taken.merchant_id
LEFT JOIN merchant_order ON merchant_order.id = taken.order_id;

-- name: write_suspense_item
-- Money that is nobody's yet, once per source.
INSERT INTO suspense_item (id, source, source_id, amount, reason, status, held_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (source, source_id) DO NOTHING RETURNING id;

-- name: suspense_items
-- Money that waits or waited, newest first, with the latest word on it.
SELECT item.id, item.source, item.source_id, item.amount, item.reason, item.status, told.content, told.bank_reference,
    told.sender_bank_bin, told.sender_account, told.sender_name, told.occurred_at, item.made_at, item.resolved_at,
    (SELECT jsonb_build_object('id', said.id, 'kind', said.kind, 'whose',
            coalesce(principal.screen_name, biller.name_vi, merchant.name, agency.name_vi), 'bill_id', said.bill_id,
            'merchant_id', said.merchant_id, 'cash_close_id', said.cash_close_id, 'bank_bin', said.bank_bin,
            'account_number', said.account_number, 'account_name', said.account_name, 'note', said.note, 'status',
            said.status, 'proposed_by', said.proposed_by, 'made_at', said.made_at, 'decided_by', said.decided_by,
            'decided_at', said.decided_at)
        FROM suspense_resolution AS said
        LEFT JOIN principal ON principal.id = said.principal_id
        LEFT JOIN bill ON bill.id = said.bill_id
        LEFT JOIN biller ON biller.code = bill.biller_code
        LEFT JOIN merchant ON merchant.id = said.merchant_id
        LEFT JOIN cash_close ON cash_close.id = said.cash_close_id
        LEFT JOIN agency ON agency.code = cash_close.agency_code
        WHERE said.suspense_item_id = item.id ORDER BY said.made_at DESC, said.id DESC LIMIT 1) AS resolution
FROM suspense_item AS item
LEFT JOIN inbound_transfer AS told ON told.id = item.source_id AND item.source = 'inbound_transfer'
WHERE ($1::text IS NULL OR item.status = $1) AND ($2::timestamptz IS NULL OR (item.made_at, item.id) < ($2, $3::uuid))
    AND ($5::uuid IS NULL OR item.id = $5)
ORDER BY item.made_at DESC, item.id DESC LIMIT $4;

-- name: suspense_for_update
-- Money whose owner somebody names.
SELECT item.id, item.source, item.source_id, item.amount, item.status, told.content, told.sender_bank_bin,
    told.sender_account, told.sender_name
FROM suspense_item AS item
LEFT JOIN inbound_transfer AS told ON told.id = item.source_id AND item.source = 'inbound_transfer'
WHERE item.id = $1 FOR UPDATE OF item;

-- name: suspense_of_source
-- The money that a receipt or a transfer has left in suspense.
SELECT id, status, reason FROM suspense_item WHERE source = $1 AND source_id = $2 FOR UPDATE;

-- name: forget_notice
-- The bank has not got it: should it come after all, and be told as it was told before, it is another transfer.
UPDATE inbound_transfer SET status = 'mistake', told_as = left(told_as, 60) || '#' || id::text
WHERE id = $1 AND status = 'suspense';

-- name: set_suspense
-- What has become of it; under which id it is held, if a biller or a bank is asked.
UPDATE suspense_item SET status = $2::text, held_id = $3,
    resolved_at = CASE WHEN $2 = 'resolved' THEN city_now() END
WHERE id = $1;

-- name: end_suspense
-- The biller or the bank has taken the money that was held for it.
UPDATE suspense_item SET status = 'resolved', held_id = NULL, resolved_at = city_now()
WHERE held_id = ANY ($1::uuid[]);

-- name: open_suspense_again
-- The biller or the bank has not: it is nobody's again.
WITH opened AS (
    UPDATE suspense_item SET status = 'open', reason = $2, held_id = NULL WHERE held_id = ANY ($1::uuid[])
    RETURNING source, source_id
), failed AS (
    UPDATE suspense_resolution SET status = 'failed' WHERE id = ANY ($1::uuid[]) AND status = 'approved'
)
UPDATE inbound_transfer SET status = 'suspense', matched_kind = NULL, matched_id = NULL
FROM opened WHERE opened.source = 'inbound_transfer' AND inbound_transfer.id = opened.source_id;

-- name: propose_resolution
-- Whose money it is, as somebody says.
INSERT INTO suspense_resolution (id, suspense_item_id, kind, principal_id, bill_id, merchant_id, cash_close_id,
    bank_bin, account_number, account_name, note, proposed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: proposed_resolution
-- The proposal that waits for a second pair of eyes.
SELECT id, kind, principal_id, bill_id, merchant_id, cash_close_id, bank_bin, account_number, account_name, note, status,
    proposed_by, decided_by
FROM suspense_resolution WHERE suspense_item_id = $1 AND status = 'proposed';

-- name: resolution
-- A proposal for this money.
SELECT id, kind, principal_id, bill_id, merchant_id, cash_close_id, bank_bin, account_number, account_name, note, status,
    proposed_by, decided_by
FROM suspense_resolution WHERE id = $1 AND suspense_item_id = $2;

-- name: decide_resolution
-- Yes or no.
UPDATE suspense_resolution SET status = $2, decided_by = $3, decided_at = city_now() WHERE id = $1;

-- name: owner_of_phone
-- Who has this number, and a wallet that takes money.
SELECT principal.id FROM principal LEFT JOIN account ON account.id = principal.id
WHERE phone = $1 AND principal.kind = 'resident' AND principal.closed_at IS NULL AND account.closed_at IS NULL;

-- name: merchant_takes_money
-- Is there such a shop, and is it open?
SELECT EXISTS (SELECT FROM merchant WHERE id = $1 AND status = 'active');

-- name: bill_to_pay
-- A bill, whether it can be paid, and how.
SELECT bill.id, biller_code AS biller, name_vi, name_en, reference, customer_name, period, amount, due_on, status
FROM bill JOIN biller ON biller.code = biller_code WHERE bill.id = $1;

-- name: bill_by_reference
-- A bill by what stands on its paper.
SELECT bill.id, biller_code AS biller, name_vi, name_en, reference, customer_name, period, amount, due_on, status
FROM bill JOIN biller ON biller.code = biller_code WHERE biller_code = $1 AND reference = $2;

-- name: make_bill_code
-- The code of a bill, once per bill; nothing if it has one, or if the code is another's.
INSERT INTO bill_transfer_code (bill_id, code) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: bill_code
-- The code of a bill.
SELECT code FROM bill_transfer_code WHERE bill_id = $1;

-- name: budget_is_used_up
-- How long somebody must wait who has asked in vain so often; null: not at all.
SELECT ceil(extract(epoch FROM window_started_at + make_interval(secs => $2::int) - city_now()))::int
FROM budget WHERE key = $1 AND window_s = $2 AND used >= $3
    AND window_started_at > city_now() - make_interval(secs => $2::int);

-- name: open_cash_day
-- The day of a counter, locked: its receipts are numbered one after the other. Its last number, and whether it goes on.
INSERT INTO cash_day (agency_code, day_on) VALUES ($1, $2)
ON CONFLICT (agency_code, day_on) DO UPDATE SET receipts = cash_day.receipts
RETURNING receipts, closed_at IS NULL AS open;

-- name: count_receipt
-- One more.
UPDATE cash_day SET receipts = receipts + 1 WHERE agency_code = $1 AND day_on = $2;

-- name: end_cash_day
-- Nothing is taken any more.
UPDATE cash_day SET closed_at = city_now() WHERE agency_code = $1 AND day_on = $2;

-- name: taken_by_clerk
-- What somebody has taken on a day, at whichever counters.
SELECT coalesce(sum(amount), 0)::bigint FROM cash_receipt WHERE clerk_id = $1 AND day_on = $2 AND voided_at IS NULL;

-- name: write_receipt
-- Cash that was taken.
INSERT INTO cash_receipt (id, number, agency_code, day_on, clerk_id, kind, bill_id, principal_id, amount, payer_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: cash_receipt
-- One receipt.
SELECT receipt.id, number, agency_code AS agency, day_on AS on, clerk_id, receipt.kind, receipt.bill_id,
    coalesce(principal.screen_name, biller.name_vi) AS payee, receipt.amount, payer_name,
    CASE WHEN voided_at IS NOT NULL THEN 'voided' WHEN void_asked_at IS NOT NULL THEN 'void_asked'
        WHEN item.status = 'resolving' AND item.held_id = receipt.id THEN 'pending'
        WHEN item.id IS NOT NULL AND item.reason = 'biller_refused' THEN 'refused' ELSE 'paid' END AS status,
    void_reason, void_asked_by, voided_by, receipt.made_at
FROM cash_receipt AS receipt
LEFT JOIN principal ON principal.id = receipt.principal_id
LEFT JOIN bill ON bill.id = receipt.bill_id
LEFT JOIN biller ON biller.code = bill.biller_code
LEFT JOIN suspense_item AS item ON item.source = 'cash_receipt' AND item.source_id = receipt.id
WHERE receipt.id = $1;

-- name: cash_receipts
-- Receipts, newest first, of some agencies (null: of all) and one day, if asked for. Each agency gives its newest, so that
-- however many there are, a page is read and not the table.
SELECT receipt.id, number, agency_code AS agency, day_on AS on, clerk_id, receipt.kind, receipt.bill_id,
    coalesce(principal.screen_name, biller.name_vi) AS payee, receipt.amount, payer_name,
    CASE WHEN voided_at IS NOT NULL THEN 'voided' WHEN void_asked_at IS NOT NULL THEN 'void_asked'
        WHEN item.status = 'resolving' AND item.held_id = receipt.id THEN 'pending'
        WHEN item.id IS NOT NULL AND item.reason = 'biller_refused' THEN 'refused' ELSE 'paid' END AS status,
    void_reason, void_asked_by, voided_by, receipt.made_at
FROM (
    SELECT newest.* FROM agency CROSS JOIN LATERAL (
        SELECT * FROM cash_receipt
        WHERE agency_code = agency.code AND ($2::date IS NULL OR day_on = $2)
            AND ($3::timestamptz IS NULL OR (made_at, id) < ($3, $4::uuid))
        ORDER BY made_at DESC, id DESC LIMIT $5
    ) AS newest
    WHERE $1::text[] IS NULL OR agency.code = ANY ($1)
    ORDER BY newest.made_at DESC, newest.id DESC LIMIT $5
) AS receipt
LEFT JOIN principal ON principal.id = receipt.principal_id
LEFT JOIN bill ON bill.id = receipt.bill_id
LEFT JOIN biller ON biller.code = bill.biller_code
LEFT JOIN suspense_item AS item ON item.source = 'cash_receipt' AND item.source_id = receipt.id
ORDER BY receipt.made_at DESC, receipt.id DESC;

-- name: receipt_for_update
-- A receipt that somebody wants to be void.
SELECT id, number, agency_code AS agency, day_on, kind, bill_id, principal_id, amount, void_asked_by, void_reason,
    voided_by
FROM cash_receipt WHERE id = $1 FOR UPDATE;

-- name: ask_void
-- Somebody wants it to be void.
UPDATE cash_receipt SET void_reason = $2, void_asked_by = $3, void_asked_at = city_now() WHERE id = $1;

-- name: void_receipt
-- It counts for nothing.
UPDATE cash_receipt SET voided_by = $2, voided_at = city_now() WHERE id = $1;

-- name: bill_can_be_due_again
-- Has nobody but us heard that it was paid with this money? Another domain acts on a bill with a subject; a biller reads
-- it by its machine, or was asked; fees and fines get a receipt's number, in a moment if they have none yet.
SELECT coalesce((SELECT bill.status = 'paid' AND payment_id = $2 AND subject IS NULL AND adapter = 'none'
        AND biller.kind NOT IN ('public_service_fee', 'traffic_fine')
    FROM bill JOIN biller ON biller.code = biller_code WHERE bill.id = $1), false)
    AND NOT EXISTS (SELECT FROM bill JOIN biller_machine ON biller_machine.biller_code = bill.biller_code WHERE bill.id = $1)
    AND NOT EXISTS (SELECT FROM biller_call WHERE payment_id = $2)
    AND NOT EXISTS (SELECT FROM fee_receipt_number WHERE payment_id = $2)
    AND NOT EXISTS (SELECT FROM e_invoice WHERE payment_id = $2);

-- name: make_bill_due_again
-- The money for a bill was given back the same day.
UPDATE bill SET status = 'due', payment_id = NULL, paid_at = NULL
WHERE id = $1 AND payment_id = $2 AND status = 'paid' RETURNING id;

-- name: account_of_bill
-- Where the money for a bill went.
SELECT account_id FROM bill JOIN biller ON biller.code = biller_code WHERE bill.id = $1;

-- name: drawer
-- What should be in a counter's drawer, by its receipts.
SELECT coalesce(sum(amount), 0)::bigint AS expected, count(*)::int AS receipts
FROM cash_receipt WHERE agency_code = $1 AND day_on = $2 AND voided_at IS NULL;

-- name: write_close
-- A drawer was counted, once per agency and day.
INSERT INTO cash_close (id, agency_code, day_on, expected_amount, counted_amount, receipts, closed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: cash_close
-- One counted drawer.
SELECT id, agency_code AS agency, day_on AS on, receipts, expected_amount AS expected, counted_amount AS counted,
    counted_amount - expected_amount AS difference, deposited_amount AS deposited,
    counted_amount - deposited_amount AS outstanding, closed_by, made_at
FROM cash_close WHERE id = $1;

-- name: cash_closes
-- Counted drawers, newest first, of some agencies (null: of all) and one day, if asked for; read like receipts.
SELECT id, agency_code AS agency, day_on AS on, receipts, expected_amount AS expected, counted_amount AS counted,
    counted_amount - expected_amount AS difference, deposited_amount AS deposited,
    counted_amount - deposited_amount AS outstanding, closed_by, made_at
FROM agency CROSS JOIN LATERAL (
    SELECT * FROM cash_close
    WHERE agency_code = agency.code AND ($2::date IS NULL OR day_on = $2)
        AND ($3::timestamptz IS NULL OR (made_at, id) < ($3, $4::uuid))
    ORDER BY made_at DESC, id DESC LIMIT $5
) AS newest
WHERE $1::text[] IS NULL OR agency.code = ANY ($1)
ORDER BY made_at DESC, id DESC LIMIT $5;

-- name: outstanding_of_close
-- What of this drawer, and of those of its counter before it, has not come to the bank yet; null: there is no such drawer.
SELECT CASE WHEN EXISTS (SELECT FROM cash_close WHERE id = $1) THEN coalesce(sum(outstanding), 0)::bigint END FROM (
    SELECT earlier.counted_amount - earlier.deposited_amount AS outstanding
    FROM cash_close AS earlier JOIN cash_close AS named ON named.id = $1
    WHERE earlier.agency_code = named.agency_code AND earlier.day_on <= named.day_on
        AND earlier.deposited_amount < earlier.counted_amount
    ORDER BY earlier.day_on FOR UPDATE OF earlier
) AS locked;

-- name: deposit_of_close
-- So much more of them has, the oldest first.
UPDATE cash_close SET deposited_amount = deposited_amount + least(outstanding, $2 - before)
FROM (
    SELECT earlier.id AS filled_id, earlier.counted_amount - earlier.deposited_amount AS outstanding,
        coalesce(sum(earlier.counted_amount - earlier.deposited_amount)
            OVER (ORDER BY earlier.day_on ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS before
    FROM cash_close AS earlier JOIN cash_close AS named ON named.id = $1
    WHERE earlier.agency_code = named.agency_code AND earlier.day_on <= named.day_on
        AND earlier.deposited_amount < earlier.counted_amount
) AS filled
WHERE id = filled_id AND before < $2;

-- name: cash_receipts_of_person
-- For a copy of all that is held: cash that was put into one's wallet, oldest first.
SELECT id, number, agency_code, day_on, amount, payer_name, made_at, void_reason, voided_at
FROM cash_receipt WHERE principal_id = $1 ORDER BY made_at, id;

-- name: erase_cash_receipts
-- A person is forgotten: who handed over the cash.
UPDATE cash_receipt SET payer_name = NULL WHERE principal_id = $1;

-- name: found_money_of_person
-- For a copy of all that is held: transfers that were found to be one's own, oldest first.
SELECT suspense_resolution.id, amount, suspense_resolution.status, suspense_resolution.made_at, decided_at
FROM suspense_resolution JOIN suspense_item ON suspense_item.id = suspense_item_id
WHERE principal_id = $1 ORDER BY suspense_resolution.made_at, suspense_resolution.id;

-- name: bank_takings_of_person
-- For a copy of all that is held: what one's shops were paid from banks, oldest first.
SELECT bank_taking.id, merchant_id, order_id, amount, sender_name, content, refunded, bank_taking.made_at
FROM bank_taking JOIN merchant ON merchant.id = merchant_id
WHERE owner_id = $1 ORDER BY bank_taking.made_at, bank_taking.id;
