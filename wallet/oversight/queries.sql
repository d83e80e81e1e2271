-- name: refundable_payment
-- What may be given back of a payment to a merchant or of a bill, and whose money that is.
SELECT CASE payment.kind WHEN 'bill' THEN 'biller' ELSE 'merchant' END AS source, payment.payer_id AS principal_id,
    coalesce(merchant.id, biller.account_id) AS debit_id, merchant.id AS merchant_id, merchant.owner_id,
    biller.code AS biller_code, coalesce(merchant.name, biller.name_vi) AS payee_name,
    coalesce(merchant.name, biller.name_en) AS payee_name_en
FROM payment
LEFT JOIN terminal ON terminal.id = payment.terminal_id
LEFT JOIN merchant ON merchant.id = terminal.merchant_id
LEFT JOIN bill ON bill.id = payment.bill_id
LEFT JOIN biller ON biller.code = bill.biller_code
WHERE payment.id = $1 AND payment.kind IN ('merchant', 'bill');

-- name: refundable_taking
-- What may be given back of a transfer from a bank to a merchant: to the account that it came from.
SELECT merchant.id AS merchant_id, merchant.owner_id, merchant.name AS merchant_name,
    sender_bank_bin, sender_account, sender_name
FROM bank_taking JOIN merchant ON merchant.id = bank_taking.merchant_id
WHERE bank_taking.id = $1;

-- name: give_back_of_taking
-- So much more of it goes back, if so much is left.
UPDATE bank_taking SET refunded = refunded + $2 WHERE id = $1 AND refunded + $2 <= amount RETURNING id;

-- name: end_bank_refund
-- The bank has answered: the money is with its sender, or it is the merchant's again. What is told of it.
WITH ended AS (
    UPDATE refund SET status = CASE WHEN $2::text IS NULL THEN 'paid' ELSE 'failed' END, failure = $2,
        resolved_at = city_now()
    WHERE id = $1 AND status = 'pending'
    RETURNING id, payment_id, merchant_id, amount
), kept AS (
    UPDATE bank_taking SET refunded = refunded - ended.amount FROM ended
    WHERE $2 IS NOT NULL AND bank_taking.id = ended.payment_id
)
SELECT ended.id AS refund_id, payment_id AS taking_id, merchant_id, owner_id, merchant.name AS merchant_name, amount
FROM ended JOIN merchant ON merchant.id = merchant_id;

-- name: write_refund
-- A refund, once per id. One that goes to a wallet is paid with this very transaction.
INSERT INTO refund (id, source, payment_id, merchant_id, biller_code, principal_id, amount, reason, consent, by_staff,
    asked_by, status, resolved_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $12 = 'paid' THEN city_now() END)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: refund
-- A refund as whoever made it sees it.
SELECT id, payment_id, source, merchant_id, amount, reason, status, failure, made_at, resolved_at, asked_by, by_staff
FROM refund WHERE id = $1;

-- name: refund_of_mine
-- A refund that my shop made, that I made for it, or that I get.
SELECT refund.id, payment_id, source, refund.merchant_id, amount, reason, refund.status, failure, refund.made_at,
    resolved_at
FROM refund LEFT JOIN merchant ON merchant.id = refund.merchant_id
WHERE refund.id = $1 AND (merchant.owner_id = $2 OR is_merchants_machine(refund.merchant_id, $2)
    OR principal_id = $2 AND refund.status = 'paid' OR asked_by = $2 AND NOT by_staff);

-- name: refunds_of_merchant
-- What my shop gave back, newest first.
SELECT refund.id, payment_id, source, refund.merchant_id, amount, reason, refund.status, failure, refund.made_at,
    resolved_at
FROM refund JOIN merchant ON merchant.id = refund.merchant_id
WHERE refund.merchant_id = $1 AND merchant.owner_id = $2 AND refund.status IN ('pending', 'paid', 'failed')
    AND ($3::timestamptz IS NULL OR (refund.made_at, refund.id) < ($3, $4::uuid))
ORDER BY refund.made_at DESC, refund.id DESC LIMIT $5;

-- name: owns_merchant
-- Is it mine?
SELECT id FROM merchant WHERE id = $1 AND owner_id = $2;

-- name: refunded_of_mine
-- How much of a payment went back that I made, or that my shop got, from a wallet or from a bank; what is on its way too.
SELECT payment.refunded FROM payment
LEFT JOIN terminal ON terminal.id = payment.terminal_id
LEFT JOIN merchant ON merchant.id = terminal.merchant_id
WHERE payment.id = $1 AND (payer_id = $2 OR merchant.owner_id = $2)
UNION ALL
SELECT refunded FROM bank_taking JOIN merchant ON merchant.id = bank_taking.merchant_id
WHERE bank_taking.id = $1 AND merchant.owner_id = $2;

-- name: refunds_of_payment
-- What was given back of a payment, oldest first.
SELECT id, payment_id, source, merchant_id, amount, reason, status, failure, made_at, resolved_at
FROM refund WHERE payment_id = $1 AND status IN ('pending', 'paid') ORDER BY made_at, id LIMIT 100;

-- name: staff_refund
-- A refund that finance proposed.
SELECT id, payment_id, source, merchant_id, biller_code AS biller, amount, reason, consent, status, failure,
    asked_by AS proposed_by, decided_by, made_at, decided_at, resolved_at
FROM refund WHERE id = $1 AND by_staff;

-- name: staff_refund_for_update
-- The same, to decide it.
SELECT id, payment_id, source, merchant_id, biller_code AS biller, amount, reason, consent, status, failure,
    asked_by AS proposed_by, decided_by, made_at, decided_at, resolved_at
FROM refund WHERE id = $1 AND by_staff FOR UPDATE;

-- name: staff_refunds
-- What finance proposed, newest first.
SELECT id, payment_id, source, merchant_id, biller_code AS biller, amount, reason, consent, status, failure,
    asked_by AS proposed_by, decided_by, made_at, decided_at, resolved_at
FROM refund
WHERE by_staff AND ($1::text IS NULL OR status = $1)
    AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: decide_refund
-- Approved (and paid, or on its way) or refused, by another than its proposer.
UPDATE refund SET status = $2, decided_by = $3, decided_at = city_now(),
    resolved_at = CASE WHEN $2 = 'paid' THEN city_now() END
WHERE id = $1;

-- name: disputable
-- Is this movement mine (I paid it, sent it, got it, or it is held on my account), or my shop's? When was it made?
SELECT made_at, merchant_id FROM (
    SELECT made_at, NULL::uuid AS merchant_id FROM payment WHERE id = $1 AND payer_id = $2
    UNION ALL
    SELECT transfer.made_at, merchant.id FROM transfer
    LEFT JOIN merchant ON merchant.id IN (debit_account_id, credit_account_id) AND merchant.owner_id = $2
    WHERE transfer.id = $1 AND (debit_account_id = $2 OR credit_account_id = $2 OR merchant.id IS NOT NULL)
    UNION ALL
    SELECT made_at, NULL FROM hold WHERE id = $1 AND debit_account_id = $2
) AS movement LIMIT 1;

-- name: open_dispute
-- A dispute, once per id.
INSERT INTO dispute (id, principal_id, payment_id, merchant_id, kind, text, due_on) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: dispute_of_mine
-- A dispute of mine, with what staff and I said.
SELECT id, payment_id, kind, status, outcome, due_on, made_at, resolved_at, coalesce(text, '***') AS text, answer,
    refund_id,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', note.id, 'by_staff', by_staff, 'text', coalesce(note.text, '***'),
            'made_at', note.made_at) ORDER BY note.made_at, note.id)
        FROM dispute_note AS note WHERE dispute_id = dispute.id AND NOT internal), '[]') AS notes
FROM dispute WHERE id = $1 AND principal_id = $2;

-- name: disputes_of_mine
-- My disputes, newest first.
SELECT id, payment_id, kind, status, outcome, due_on, made_at, resolved_at
FROM dispute
WHERE principal_id = $1 AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: dispute_for_update
-- A dispute that something happens to.
SELECT id, principal_id, payment_id, status, assigned_to, outcome, answer, refund_id
FROM dispute WHERE id = $1 FOR NO KEY UPDATE;

-- name: withdraw_dispute
-- Its asker needs no answer any more.
UPDATE dispute SET status = 'withdrawn', resolved_at = city_now() WHERE id = $1;

-- name: notes_of_dispute
-- How much was said.
SELECT count(*) FROM dispute_note WHERE dispute_id = $1;

-- name: write_note
-- What somebody says, once per id.
INSERT INTO dispute_note (id, dispute_id, author_id, by_staff, internal, text) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: note
-- What was said under this id.
SELECT dispute_id, author_id, by_staff, internal, text FROM dispute_note WHERE id = $1;

-- name: staff_dispute
-- A dispute with all that is known of it.
SELECT dispute.id, dispute.payment_id, dispute.kind, dispute.status, outcome, due_on, dispute.made_at,
    dispute.resolved_at, dispute.principal_id AS resident_id, dispute.merchant_id,
    dispute.status IN ('open', 'in_review') AND due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS overdue,
    assigned_to, member.screen_name AS assigned_name, coalesce(dispute.text, '***') AS text, answer, refund_id,
    CASE WHEN coalesce(payment.id, transfer.id, hold.id) IS NOT NULL THEN jsonb_build_object(
        'kind', coalesce(payment.kind, transfer.kind, hold.kind),
        'status', coalesce(payment.status, CASE WHEN transfer.id IS NOT NULL THEN 'paid'
            WHEN hold.status = 'pending' THEN 'pending' ELSE 'failed' END),
        'amount', coalesce(payment.amount, transfer.amount, hold.amount),
        'refunded', coalesce(payment.refunded, 0),
        'payer', coalesce(payment.payer_name, payer.screen_name), 'payee', coalesce(payment.payee_name, payee.screen_name),
        'detail', coalesce(payment.payee_detail, transfer.memo, hold.memo),
        'made_at', coalesce(payment.made_at, transfer.made_at, hold.made_at)) END AS movement,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', note.id, 'by_staff', by_staff, 'internal', internal,
            'author_id', author_id, 'text', coalesce(note.text, '***'), 'made_at', note.made_at)
            ORDER BY note.made_at, note.id)
        FROM dispute_note AS note WHERE dispute_id = dispute.id), '[]') AS notes
FROM dispute
LEFT JOIN principal AS member ON member.id = assigned_to
LEFT JOIN payment ON payment.id = dispute.payment_id
LEFT JOIN transfer ON transfer.id = dispute.payment_id
LEFT JOIN hold ON hold.id = dispute.payment_id
LEFT JOIN principal AS payer ON payer.id = coalesce(transfer.debit_account_id, hold.debit_account_id)
LEFT JOIN principal AS payee ON payee.id = coalesce(transfer.credit_account_id, hold.credit_account_id)
WHERE dispute.id = $1;

-- name: disputes_to_answer
-- Disputes that wait for an answer, the soonest due first; of one member, or due between two days, if asked for.
SELECT dispute.id, payment_id, dispute.kind, status, outcome, due_on, dispute.made_at, resolved_at,
    principal_id AS resident_id, due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS overdue, assigned_to,
    member.screen_name AS assigned_name
FROM dispute LEFT JOIN principal AS member ON member.id = assigned_to
WHERE status IN ('open', 'in_review') AND ($1::uuid IS NULL OR assigned_to = $1)
    AND ($2::date IS NULL OR due_on >= $2) AND ($3::date IS NULL OR due_on <= $3)
    AND ($4::date IS NULL OR (due_on, dispute.id) > ($4, $5::uuid))
ORDER BY due_on, dispute.id LIMIT $6;

-- name: disputes_closed
-- Disputes that were answered or withdrawn, the newest first.
SELECT dispute.id, payment_id, dispute.kind, status, outcome, due_on, dispute.made_at, resolved_at,
    principal_id AS resident_id, false AS overdue, assigned_to, member.screen_name AS assigned_name
FROM dispute LEFT JOIN principal AS member ON member.id = assigned_to
WHERE status IN ('resolved', 'withdrawn')
    AND ($1::timestamptz IS NULL OR (dispute.made_at, dispute.id) < ($1, $2::uuid))
ORDER BY dispute.made_at DESC, dispute.id DESC LIMIT $3;

-- name: may_look_into
-- Does somebody answer disputes?
SELECT EXISTS (SELECT FROM active_grant JOIN principal ON principal.id = active_grant.principal_id
    WHERE principal_id = $1 AND role = ANY ($2) AND principal.closed_at IS NULL);

-- name: assign_dispute
-- Somebody looks into it.
UPDATE dispute SET assigned_to = $2, status = 'in_review' WHERE id = $1;

-- name: refund_that_answers
-- Was this given back of that movement?
SELECT EXISTS (SELECT FROM refund WHERE id = $1 AND payment_id = $2 AND status IN ('pending', 'paid'));

-- name: answer_dispute
-- What came of it.
UPDATE dispute SET status = 'resolved', outcome = $3, answer = $4, refund_id = $5, answered_by = $2,
    assigned_to = coalesce(assigned_to, $2), resolved_at = city_now()
WHERE id = $1;

-- name: disputes_overdue_untold
-- What nobody answered in time, and nobody was told of.
SELECT id AS dispute_id, due_on FROM dispute
WHERE status IN ('open', 'in_review') AND overdue_told_at IS NULL
    AND due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
ORDER BY due_on, id LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED;

-- name: tell_overdue
-- They are told of it now.
UPDATE dispute SET overdue_told_at = city_now() WHERE id = $1;

-- name: members_with
-- Who has one of these roles.
SELECT DISTINCT active_grant.principal_id FROM active_grant
JOIN principal ON principal.id = active_grant.principal_id AND principal.closed_at IS NULL
WHERE role = ANY ($1) ORDER BY 1;

-- name: dispute_gauges
-- How many disputes wait, and how many of them for too long.
SELECT count(*) AS waiting,
    count(*) FILTER (WHERE due_on < (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date) AS overdue
FROM dispute WHERE status IN ('open', 'in_review');

-- name: freezable
-- Whose account is it? A resident's by number or id, or a merchant's.
SELECT account_id, owner_id, merchant_id FROM (
    SELECT id AS account_id, id AS owner_id, NULL::uuid AS merchant_id FROM principal
    WHERE kind = 'resident' AND closed_at IS NULL AND (phone = $1 OR id = $2)
    UNION ALL
    SELECT id, owner_id, id FROM merchant WHERE id = $2
) AS found LIMIT 1;

-- name: propose_freeze
-- An order that nobody has approved yet, once per id.
INSERT INTO account_freeze (id, account_id, owner_id, merchant_id, order_number, issued_by, reason, amount, tell_owner,
    proposed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: freeze
-- A freeze, and whose money it is about.
SELECT account_freeze.id, account_id, merchant_id, coalesce(merchant.name, principal.screen_name) AS name, order_number,
    issued_by, reason, amount, tell_owner, account_freeze.status, proposed_by, account_freeze.made_at, decided_by,
    decided_at, lift_reason, lift_proposed_by, lift_proposed_at, lifted_by, lifted_at
FROM account_freeze
JOIN principal ON principal.id = account_freeze.owner_id
LEFT JOIN merchant ON merchant.id = merchant_id
WHERE account_freeze.id = $1;

-- name: freezes
-- Freezes and proposals, newest first.
SELECT account_freeze.id, account_id, merchant_id, coalesce(merchant.name, principal.screen_name) AS name, order_number,
    issued_by, reason, amount, tell_owner, account_freeze.status, proposed_by, account_freeze.made_at, decided_by,
    decided_at, lift_reason, lift_proposed_by, lift_proposed_at, lifted_by, lifted_at
FROM account_freeze
JOIN principal ON principal.id = account_freeze.owner_id
LEFT JOIN merchant ON merchant.id = merchant_id
WHERE ($1::text IS NULL OR account_freeze.status = $1)
    AND ($2::timestamptz IS NULL OR (account_freeze.made_at, account_freeze.id) < ($2, $3::uuid))
ORDER BY account_freeze.made_at DESC, account_freeze.id DESC LIMIT $4;

-- name: freeze_for_update
-- A freeze that somebody decides about.
SELECT account_freeze.id, account_id, account_freeze.owner_id, merchant.name AS merchant_name, amount, tell_owner,
    account_freeze.status, decided_by, lift_reason, lift_proposed_by, lifted_by
FROM account_freeze LEFT JOIN merchant ON merchant.id = merchant_id
WHERE account_freeze.id = $1 FOR NO KEY UPDATE OF account_freeze;

-- name: decide_freeze
-- It holds from now on, or never did.
UPDATE account_freeze SET status = $2, decided_by = $3, decided_at = city_now() WHERE id = $1;

-- name: propose_lift
-- It shall end.
UPDATE account_freeze SET status = 'lift_proposed', lift_reason = $3, lift_proposed_by = $2,
    lift_proposed_at = city_now()
WHERE id = $1;

-- name: drop_lift
-- It goes on after all.
UPDATE account_freeze SET status = 'active', lift_reason = NULL, lift_proposed_by = NULL, lift_proposed_at = NULL
WHERE id = $1;

-- name: lift_freeze
-- It has ended.
UPDATE account_freeze SET status = 'lifted', lifted_by = $2, lifted_at = city_now() WHERE id = $1;

-- name: open_account
-- There is an account to be frozen, even if no money has ever touched it.
SELECT open_accounts(ARRAY[$1::uuid]);

-- name: lock_account
-- Nobody else decides whether it is frozen meanwhile.
SELECT id FROM account WHERE id = $1 FOR NO KEY UPDATE;

-- name: set_frozen
-- Frozen, if an order that holds asks for all of it; since the first of these.
UPDATE account SET frozen_at = (SELECT min(decided_at) FROM account_freeze
    WHERE account_id = account.id AND amount IS NULL AND status IN ('active', 'lift_proposed'))
WHERE id = $1;

-- name: take_a_minute
-- This transaction may read a whole day, and think about it.
SELECT set_config('statement_timeout', '60s', true), set_config('idle_in_transaction_session_timeout', '60s', true);

-- name: take_an_hour
-- The night's look at a day takes its time.
SELECT set_config('statement_timeout', '1h', true);

-- name: large_values
-- A day's movements of large value: of wallets, whose day in one direction adds up to so much; of merchants, single ones.
WITH moved AS MATERIALIZED (
    SELECT id, kind, debit_account_id, credit_account_id, amount, memo, made_at FROM transfer
    WHERE made_at >= $1 AND made_at < $2
), line AS (
    SELECT account.id AS account_id, account.kind AS account_kind, 'out' AS side, moved.id, moved.kind, moved.amount,
        moved.made_at, credit_account_id AS other_id
    FROM moved JOIN account ON account.id = debit_account_id AND account.kind IN ('wallet', 'merchant')
    UNION ALL
    SELECT account.id, account.kind, 'in', moved.id, moved.kind, moved.amount, moved.made_at, debit_account_id
    FROM moved JOIN account ON account.id = credit_account_id AND account.kind IN ('wallet', 'merchant')
), summed AS (
    SELECT line.*, sum(amount) OVER (PARTITION BY account_id, side)::bigint AS day_amount FROM line
)
SELECT summed.made_at, summed.account_id, coalesce(principal.name, merchant.name) AS name, principal.phone, side,
    summed.kind, summed.amount, day_amount, summed.id,
    coalesce(other.name, other_merchant.name, biller.name_vi) AS other_name, other_id
FROM summed
LEFT JOIN principal ON principal.id = summed.account_id
LEFT JOIN merchant ON merchant.id = summed.account_id
LEFT JOIN principal AS other ON other.id = other_id
LEFT JOIN merchant AS other_merchant ON other_merchant.id = other_id
LEFT JOIN biller ON biller.account_id = other_id
WHERE CASE account_kind WHEN 'wallet' THEN day_amount ELSE amount END >= $3
ORDER BY summed.account_id, side, summed.made_at, summed.id;

-- name: watch_day
-- What the rules notice on a day, once per rule and account.
WITH moved AS MATERIALIZED (
    SELECT id, kind, debit_account_id, credit_account_id, amount, made_at FROM transfer
    WHERE made_at >= $2 AND made_at < $3 AND kind IN ('person', 'top_up', 'withdrawal')
), line AS MATERIALIZED (
    SELECT account.id AS account_id, moved.id, moved.kind, -moved.amount AS amount, moved.made_at,
        credit_account_id AS other_id
    FROM moved JOIN account ON account.id = debit_account_id AND account.kind = 'wallet'
    UNION ALL
    SELECT account.id, moved.id, moved.kind, moved.amount, moved.made_at, debit_account_id
    FROM moved JOIN account ON account.id = credit_account_id AND account.kind = 'wallet'
), noticed AS (
    SELECT rule.code, line.account_id, line.id, line.amount
    FROM suspicion_rule AS rule
    JOIN (
        SELECT account_id, count(*) FILTER (WHERE amount > 0) AS count_in,
            coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS amount_in,
            coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS amount_out
        FROM line GROUP BY account_id
    ) AS day ON count_in >= rule.least_count AND amount_in >= rule.least_amount
        AND amount_out * 100 >= amount_in * rule.percent
    JOIN line ON line.account_id = day.account_id
    WHERE rule.code = 'passes_through' AND rule.watched
    UNION ALL
    SELECT rule.code, account_id, line.id, line.amount
    FROM suspicion_rule AS rule
    JOIN current_policy ON current_policy.code = 'step_up.person_strong_above'
    JOIN line ON abs(line.amount) * 100 >= current_policy.value * rule.percent
        AND abs(line.amount) <= current_policy.value AND (line.amount < 0 OR line.kind = 'top_up')
    WHERE rule.code = 'just_below' AND rule.watched
    UNION ALL
    SELECT rule.code, account_id, line.id, line.amount
    FROM suspicion_rule AS rule
    JOIN line ON line.amount < 0
        AND EXISTS (SELECT FROM device WHERE principal_id = line.account_id AND device.made_at <= line.made_at
            AND device.made_at > line.made_at - make_interval(hours => rule.hours)
            AND EXISTS (SELECT FROM device AS older WHERE older.principal_id = line.account_id
                AND older.made_at < device.made_at))
    WHERE rule.code = 'new_device' AND rule.watched
    UNION ALL
    SELECT rule.code, line.account_id, line.id, line.amount
    FROM suspicion_rule AS rule
    JOIN (
        SELECT account_id, count(DISTINCT other_id) AS payers FROM line WHERE amount > 0 AND kind = 'person'
        GROUP BY account_id
    ) AS paid ON payers >= rule.least_count
    JOIN line ON line.account_id = paid.account_id AND line.amount > 0 AND line.kind = 'person'
    WHERE rule.code = 'many_to_one' AND rule.watched
)
INSERT INTO suspicious_case (id, rule_code, account_id, day_on, amount, evidence)
SELECT gen_random_uuid(), noticed.code, account_id, $1, sum(abs(amount))::bigint, jsonb_build_object(
    'count', count(*), 'amount_in', coalesce(sum(amount) FILTER (WHERE amount > 0), 0),
    'amount_out', coalesce(-sum(amount) FILTER (WHERE amount < 0), 0),
    'movement_ids', (array_agg(id ORDER BY abs(amount) DESC, id))[1:20])
FROM noticed JOIN suspicion_rule AS rule ON rule.code = noticed.code
GROUP BY noticed.code, account_id, rule.least_count, rule.least_amount
HAVING count(*) >= coalesce(rule.least_count, 1) AND sum(abs(amount)) >= coalesce(rule.least_amount, 1)
ON CONFLICT (day_on, rule_code, account_id) DO NOTHING
RETURNING id;

-- name: last_watched_day
-- Up to which day the night has looked.
SELECT max(day_on) FROM watched_day;

-- name: keep_watched_day
-- It has looked at this one.
INSERT INTO watched_day (day_on, cases) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: suspicion_rules
-- What the night looks for.
SELECT code, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS name, least_count, least_amount, percent, hours, watched
FROM suspicion_rule ORDER BY code;

-- name: suspicious_cases
-- What the night noticed, newest first.
SELECT suspicious_case.id, rule_code AS rule, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS rule_name, account_id,
    day_on, amount, evidence, status, finding, reviewed_by, reviewed_at, made_at
FROM suspicious_case JOIN suspicion_rule ON suspicion_rule.code = rule_code
WHERE ($2::text IS NULL OR status = $2)
    AND ($3::timestamptz IS NULL OR (made_at, suspicious_case.id) < ($3, $4::uuid))
ORDER BY made_at DESC, suspicious_case.id DESC LIMIT $5;

-- name: suspicious_case
-- One of them.
SELECT suspicious_case.id, rule_code AS rule, CASE WHEN $1 = 'en' THEN name_en ELSE name_vi END AS rule_name, account_id,
    day_on, amount, evidence, status, finding, reviewed_by, reviewed_at, made_at
FROM suspicious_case JOIN suspicion_rule ON suspicion_rule.code = rule_code
WHERE suspicious_case.id = $2 FOR NO KEY UPDATE OF suspicious_case;

-- name: review_case
-- What came of looking at it.
UPDATE suspicious_case SET status = $2, reviewed_by = $3, finding = $4, reviewed_at = city_now() WHERE id = $1;

-- name: suspicious_lines
-- Cases of some days for a report, by day; after one of them, so many.
SELECT day_on, suspicious_case.id, rule_code, name_vi, account_id, principal.name, principal.phone, amount, evidence,
    suspicious_case.status, finding, reviewed_at
FROM suspicious_case
JOIN suspicion_rule ON suspicion_rule.code = rule_code
LEFT JOIN principal ON principal.id = account_id
WHERE day_on BETWEEN $1 AND $2 AND ($3::date IS NULL OR (day_on, suspicious_case.id) > ($3, $4::uuid))
ORDER BY day_on, suspicious_case.id LIMIT $5;

-- name: biller_account
-- Is there such a biller?
SELECT account_id FROM biller WHERE code = $1;

-- name: one_reconciliation_at_a_time
-- Nobody else reads a file of this party's about this day meanwhile.
SELECT pg_advisory_xact_lock(hashtextextended('reconciliation ' || $1, 0));

-- name: reconciliation
-- A reconciliation.
SELECT id, party, day_on, version, encode(digest, 'hex') AS sha256, lines, matched, missing_here, missing_there, differing,
    their_amount, our_amount, made_by, made_at, superseded_at,
    (SELECT count(*) FROM reconciliation_difference WHERE reconciliation_id = reconciliation.id AND closed_at IS NULL)
        AS open
FROM reconciliation WHERE id = $1;

-- name: reconciliation_of_day
-- The latest file of a party's about a day.
SELECT id, version, encode(digest, 'hex') AS sha256 FROM reconciliation
WHERE party = $1 AND day_on = $2 AND superseded_at IS NULL;

-- name: reconciliations
-- Reconciliations, newest first.
SELECT id, party, day_on, version, encode(digest, 'hex') AS sha256, lines, matched, missing_here, missing_there, differing,
    their_amount, our_amount, made_by, made_at, superseded_at,
    (SELECT count(*) FROM reconciliation_difference WHERE reconciliation_id = reconciliation.id AND closed_at IS NULL)
        AS open
FROM reconciliation
WHERE ($1::text IS NULL OR party = $1) AND ($2::timestamptz IS NULL OR (made_at, id) < ($2, $3::uuid))
ORDER BY made_at DESC, id DESC LIMIT $4;

-- name: supersede_reconciliation
-- Another file takes its place.
UPDATE reconciliation SET superseded_at = city_now() WHERE id = $1;

-- name: write_reconciliation
-- What a file said, and how it compared.
INSERT INTO reconciliation (id, party, day_on, version, digest, lines, matched, missing_here, missing_there, differing,
    their_amount, our_amount, made_by)
VALUES ($1, $2, $3, $4, decode($5, 'hex'), $6, $7, $8, $9, $10, $11, $12, $13);

-- name: write_differences
-- What does not agree, in the order of the file.
INSERT INTO reconciliation_difference (id, reconciliation_id, kind, side, reference, line, our_id, their_amount,
    our_amount, detail)
SELECT found.id, $1, kind, side, reference, line, our_id, their_amount, our_amount, detail
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::uuid[], $8::bigint[], $9::bigint[], $10::text[])
    AS found (id, kind, side, reference, line, our_id, their_amount, our_amount, detail);

-- name: differences
-- Differences of a reconciliation, in the order of their ids; of one kind, or only open ones, if asked for.
SELECT id, kind, side, reference, line, our_id, their_amount, our_amount, detail, note, closed_by, closed_at
FROM reconciliation_difference
WHERE reconciliation_id = $1 AND ($2::text IS NULL OR kind = $2) AND (NOT $3 OR closed_at IS NULL)
    AND ($4::uuid IS NULL OR id > $4)
ORDER BY id LIMIT $5;

-- name: difference_for_update
-- One of them, to close it.
SELECT id, kind, side, reference, line, our_id, their_amount, our_amount, detail, note, closed_by, closed_at
FROM reconciliation_difference WHERE id = $1 AND reconciliation_id = $2 FOR NO KEY UPDATE;

-- name: close_difference
-- Somebody knows what it was.
UPDATE reconciliation_difference SET closed_by = $2, closed_at = city_now(), note = $3 WHERE id = $1;

-- name: gateway_lines
-- Our side of the gateway's day: top-ups that it has taken. Some of the hours around it too: clocks differ.
SELECT id, ARRAY[id::text] AS names, 'in' AS side, amount, NULL AS detail, made_at >= $1 AND made_at < $2 AS of_day
FROM transfer
WHERE made_at >= $1 - interval '2 hours' AND made_at < $2 + interval '2 hours' AND kind = 'top_up'
    AND debit_account_id = $3;

-- name: biller_lines
-- Our side of a biller's day: bills that were paid, from wallets or otherwise.
SELECT bill.payment_id AS id, array_remove(ARRAY[bill.payment_id::text, bill.reference, biller_reference], NULL) AS names,
    'in' AS side, bill.amount, bill.customer_code AS detail, paid_at >= $1 AND paid_at < $2 AS of_day
FROM bill LEFT JOIN biller_call ON biller_call.payment_id = bill.payment_id
WHERE bill.biller_code = $3 AND bill.status = 'paid' AND paid_at >= $1 - interval '2 hours'
    AND paid_at < $2 + interval '2 hours';

-- name: bank_lines
-- Our side of the partner bank's day: what came in, and what it has paid out for us. Who tells us of the former may be
-- late, but is never early.
SELECT id, array_remove(ARRAY[id::text, bank_reference], NULL) AS names, 'in' AS side, amount, content AS detail,
    occurred_at >= $1 AND occurred_at < $2 AS of_day
FROM inbound_transfer
WHERE status IN ('matched', 'suspense') AND occurred_at >= $1 - interval '2 hours'
    AND occurred_at < $2 + interval '2 hours' AND made_at >= $1 - interval '1 day'
UNION ALL
SELECT id, array_remove(ARRAY[id::text, bank_reference], NULL), 'out', amount, content,
    resolved_at >= $1 AND resolved_at < $2
FROM payout
WHERE status = 'paid' AND resolved_at >= $1 - interval '2 hours' AND resolved_at < $2 + interval '2 hours';

-- name: sum_money
-- What all accounts of a kind hold together.
INSERT INTO money_sum (kind, amount, pending, measured_at)
SELECT kind, sum(posted)::bigint, sum(pending)::bigint, city_now() FROM account GROUP BY kind
ON CONFLICT (kind) DO UPDATE SET amount = excluded.amount, pending = excluded.pending,
    measured_at = excluded.measured_at
RETURNING kind, amount;

-- name: money_sums
-- What the last look found.
SELECT kind, amount FROM money_sum;

-- name: money_gauges
-- What is on its way for how long, and what does not agree.
SELECT
    (SELECT coalesce(extract(epoch FROM city_now() - min(made_at)), 0)::float8 FROM suspense_item
        WHERE status <> 'resolved') AS suspense_age_s,
    (SELECT count(*) FROM payout WHERE status = 'unknown') AS payouts_unknown,
    (SELECT count(*) FROM payout WHERE status IN ('ready', 'sending', 'unknown')) AS payouts_open,
    (SELECT count(*) FROM reconciliation_difference JOIN reconciliation ON reconciliation.id = reconciliation_id
        WHERE closed_at IS NULL AND superseded_at IS NULL) AS differences_open,
    (SELECT count(*) FROM suspicious_case WHERE status = 'open') AS cases_open;

-- name: biller_availability
-- Which billers that are asked over the network answer now.
SELECT code, unavailable_until > city_now() IS NOT TRUE AS available FROM biller
WHERE adapter <> 'none' AND closed_at IS NULL;

-- name: refunds_of_person
-- For a copy of all that is held: what was given back to a person, or by them.
SELECT id, payment_id, amount, CASE WHEN NOT by_staff OR principal_id = $1 THEN reason END AS reason, status, made_at,
    resolved_at
FROM refund WHERE (principal_id = $1 AND status = 'paid') OR (asked_by = $1 AND NOT by_staff) ORDER BY made_at, id;

-- name: erase_refund_reasons
-- A person is forgotten: what was given back to them is kept, and no longer in whose words.
UPDATE refund SET reason = '***' WHERE principal_id = $1;

-- name: disputes_of_person
-- For a copy of all that is held: what was disputed and answered.
SELECT dispute.id, payment_id, kind, text, status, outcome, answer, due_on, made_at, resolved_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('by_staff', by_staff, 'text', note.text, 'made_at', note.made_at)
        ORDER BY note.made_at), '[]') FROM dispute_note AS note WHERE dispute_id = dispute.id AND NOT internal) AS notes
FROM dispute WHERE principal_id = $1 ORDER BY made_at, id;

-- name: erase_disputes
-- A person is forgotten: that they asked and were answered is kept, and no longer in whose words.
WITH words AS (
    UPDATE dispute_note SET text = NULL FROM dispute WHERE dispute.id = dispute_id AND dispute.principal_id = $1
)
UPDATE dispute SET text = NULL, answer = '***' WHERE principal_id = $1;

-- name: freezes_of_person
-- For a copy of all that is held: orders that were told.
SELECT id, merchant_id, order_number, issued_by, amount, status, decided_at, lifted_at FROM account_freeze
WHERE owner_id = $1 AND tell_owner AND status IN ('active', 'lift_proposed', 'lifted') ORDER BY made_at, id;

-- name: frozen_money_of_person
-- Does an order hold this person's money, or their shop's?
SELECT EXISTS (SELECT FROM account_freeze WHERE owner_id = $1 AND status IN ('active', 'lift_proposed'));

-- name: watch_of_person
-- For a copy of all that is held: that the law forbids to tell, to everybody the same.
SELECT 'Luật 14/2022/QH15 không cho phép tiết lộ' AS note WHERE $1::uuid IS NOT NULL;

-- name: forget_cases
-- Cases are kept for so many days, at least five years (Law 14/2022/QH15, Art. 38).
WITH old AS (
    SELECT id FROM suspicious_case WHERE made_at < city_now() - make_interval(days => $1) ORDER BY made_at LIMIT $2
), gone AS (
    DELETE FROM suspicious_case USING old WHERE suspicious_case.id = old.id RETURNING suspicious_case.id
)
SELECT count(*) FROM gone;
