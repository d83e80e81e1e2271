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
WHERE refund.id = $1 AND (merchant.owner_id = $2 OR principal_id = $2 AND refund.status = 'paid'
    OR asked_by = $2 AND NOT by_staff);

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

-- name: may_see_payment
-- Did I pay it, or did my shop get it?
SELECT payment.id FROM payment
LEFT JOIN terminal ON terminal.id = payment.terminal_id
LEFT JOIN merchant ON merchant.id = terminal.merchant_id
WHERE payment.id = $1 AND (payer_id = $2 OR merchant.owner_id = $2);

-- name: refunds_of_payment
-- What was given back of a payment, oldest first.
SELECT id, payment_id, source, merchant_id, amount, reason, status, failure, made_at, resolved_at
FROM refund WHERE payment_id = $1 AND status = 'paid' ORDER BY made_at, id LIMIT 100;

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
