-- repeatable: the functions through which money moves. A changed signature gets a new number in its name.

-- ledger_move_3 applies up to 128 movements at once, each on its own merits: item n of every array is one movement.
--   ids           made by the phone; the same id with the same content is answered again, never moved again
--   kinds         bill | merchant | person | withdrawal: what a resident asks for; any other: between two accounts
--   debit_ids     the account that pays; at most one movement per debit account, bill and order in one call
--   credit_ids    the account that is paid; payments name a bill, a terminal or a phone instead
--   amounts       whole đồng; null where the bill or the order says it
--   session_ids   of residents: the session whose wallet must be unlocked; null: an autopay, which `original_ids` names
--   fingerprints  a digest of what was asked, to tell a replay from another request under the same id
--   step_up_ids   the proof beside the PIN, where the policies ask for one: bound to this payment, used up by it
--   original_ids  the payment that a refund gives back; what a movement corrects
--   helds         reserve the amount instead of moving it: hold_resolve_1 says later what becomes of it. Withdrawals,
--                 and bills whose biller must be asked first, are always held.
-- Each movement gets a verdict: applied, replayed, or the name of the Refusal. A refused one leaves no row; one that
-- meets a limit says which amount is allowed, and how much of it is left.
-- `OFFSET 0` keeps each look-up a look-up by key, and so does `= ANY` in what is updated: a plan made while a table was
-- empty must not read all of it later.
-- Order of locks, everywhere: the ids that are asked for, then accounts by id, then bills by id, then orders by id, then payments by id, then the insert
-- of the ids.
CREATE OR REPLACE FUNCTION ledger_move_3(
    ids uuid[], kinds text[], debit_ids uuid[], credit_ids uuid[], amounts bigint[], session_ids uuid[],
    bill_ids uuid[], terminal_ids uuid[], order_ids uuid[], phones text[], memos text[], fingerprints bytea[],
    step_up_ids uuid[], original_ids uuid[], helds boolean[]
) RETURNS TABLE (
    "position" bigint, verdict text, amount bigint, balance_after bigint, payee_name text, payee_detail text,
    made_at timestamptz, status text, allowed bigint, allowed_left bigint
)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    paid_ids uuid[];
    unopened boolean;
    now_here timestamptz;
    today date;
    month_start date;
    policies jsonb;
BEGIN
    SELECT jsonb_object_agg(code, value) INTO policies FROM current_policy WHERE code = ANY (ARRAY[
        'level.pay_bill', 'level.pay_merchant', 'level.pay_person', 'level.withdraw',
        'limit.day_goods', 'limit.month_essential', 'limit.month_general', 'new_device.code_ceiling',
        'step_up.goods_code_above', 'step_up.goods_strong_above', 'step_up.person_day_strong_above',
        'step_up.person_strong_above']);

    -- Who is paid? These never change for a bill or a terminal; a phone's owner is read again under the locks.
    SELECT array_agg(payee_id), bool_or(c.id IS NULL AND payee_id IS NOT NULL OR d.id IS NULL)
    INTO paid_ids, unopened
    FROM (
        SELECT i.debit_id, coalesce(i.credit_id, biller.account_id, terminal.merchant_id, principal.id) AS payee_id
        FROM unnest(debit_ids, credit_ids, bill_ids, terminal_ids, phones)
            AS i (debit_id, credit_id, bill_id, terminal_id, phone)
        LEFT JOIN LATERAL (SELECT biller_code FROM bill WHERE id = i.bill_id OFFSET 0) AS bill ON true
        LEFT JOIN LATERAL (SELECT account_id FROM biller WHERE code = bill.biller_code OFFSET 0) AS biller ON true
        LEFT JOIN LATERAL (SELECT merchant_id FROM terminal WHERE id = i.terminal_id OFFSET 0) AS terminal ON true
        LEFT JOIN LATERAL (SELECT id FROM principal WHERE phone = i.phone OFFSET 0) AS principal ON true
    ) AS named
    LEFT JOIN LATERAL (SELECT id FROM account WHERE id = named.debit_id OFFSET 0) AS d ON true
    LEFT JOIN LATERAL (SELECT id FROM account WHERE id = named.payee_id OFFSET 0) AS c ON true;

    -- A transfer and a hold are never of the same id, also if two ask at once: they take turns.
    PERFORM pg_advisory_xact_lock(hashtextextended('movement ' || id::text, 0))
    FROM (SELECT DISTINCT unnest(ids) AS id ORDER BY 1) AS asked;

    IF unopened THEN
        PERFORM open_accounts(debit_ids || paid_ids);
    END IF;

    PERFORM FROM account WHERE id = ANY (debit_ids || paid_ids) ORDER BY id FOR NO KEY UPDATE;
    IF 'bill' = ANY (kinds) OR 'collection' = ANY (kinds) THEN
        PERFORM FROM bill WHERE id = ANY (bill_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF 'merchant' = ANY (kinds) OR 'taking' = ANY (kinds) THEN
        PERFORM FROM merchant_order WHERE id = ANY (order_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF 'refund' = ANY (kinds) THEN
        PERFORM FROM payment WHERE id = ANY (original_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;

    -- A new statement, so a fresh snapshot: everything below sees what the locks waited for.
    now_here := city_now();
    today := (now_here AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
    month_start := date_trunc('month', today)::date;
    RETURN QUERY
    WITH judged AS MATERIALIZED (
        SELECT
            i.position, i.id, i.kind, i.debit_id, i.bill_id, i.terminal_id, i.order_id, i.memo, i.fingerprint,
            i.original_id, counted_in AS counted, held,
            CASE WHEN step_up.method IS NOT NULL THEN i.step_up_id END AS step_up_id,
            payee_id, due,
            prior.amount AS prior_amount, prior.balance_after AS prior_balance, prior.made_at AS prior_made_at,
            coalesce(prior.status, CASE hold.status WHEN 'pending' THEN 'pending' WHEN 'captured' THEN 'paid'
                WHEN 'voided' THEN 'failed' WHEN 'expired' THEN 'failed'
                ELSE CASE WHEN held THEN 'pending' ELSE 'paid' END END) AS status,
            d.posted AS debit_posted, d.posted - d.pending AS debit_available, d.version AS debit_version,
            c.posted AS credit_posted, c.version AS credit_version,
            payer.screen_name AS payer_name,
            coalesce(prior.payee_name, biller.name_vi, merchant.name, person.screen_name) AS payee_name,
            CASE
                WHEN prior.id IS NOT NULL THEN prior.payee_detail
                WHEN i.bill_id IS NOT NULL THEN bill.customer_code
                WHEN i.kind = 'merchant' THEN terminal.name
                WHEN i.kind = 'person' THEN left(person.phone, 6) || '***' || right(person.phone, 3)
            END AS payee_detail,
            -- What a refund gives back to the month that its payment was counted in.
            CASE WHEN original.counted IN ('general', 'essential')
                AND original.made_at >= month_start::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh' THEN original.counted
            END AS given_back,
            CASE
                WHEN i.bill_id IS NOT NULL AND held THEN jsonb_build_object(
                    'payment_id', i.id, 'bill_id', bill.id, 'biller', biller.code)
                WHEN i.bill_id IS NOT NULL THEN jsonb_build_object(
                    'payment_id', i.id, 'payer_id', CASE i.kind WHEN 'bill' THEN i.debit_id END, 'amount', due,
                    'bill_id', bill.id, 'biller', biller.code, 'biller_name', biller.name_vi,
                    'biller_name_en', biller.name_en, 'reference', bill.reference,
                    'customer_code', bill.customer_code, 'period', bill.period, 'subject', bill.subject)
                WHEN i.kind = 'merchant' THEN jsonb_build_object(
                    'payment_id', i.id, 'payer_id', i.debit_id, 'amount', due, 'payer_name', payer.screen_name,
                    'merchant_id', merchant.id, 'owner_id', merchant.owner_id, 'merchant_name', merchant.name,
                    'terminal_id', terminal.id, 'terminal_name', terminal.name, 'order_id', merchant_order.id,
                    'order_reference', merchant_order.reference, 'memo', i.memo)
                WHEN i.kind = 'person' THEN jsonb_build_object(
                    'payment_id', i.id, 'payer_id', i.debit_id, 'amount', due, 'payer_name', payer.screen_name,
                    'payee_id', person.id, 'payee_name', person.screen_name, 'memo', i.memo)
            END AS news,
            CASE WHEN counted_in = 'essential' THEN (policies ->> 'limit.month_essential')::bigint
                ELSE (policies ->> 'limit.month_general')::bigint END AS month_limit,
            (policies ->> 'limit.day_goods')::bigint AS day_limit,
            spent.goods AS spent_goods, spent.month AS spent_month,
            CASE
                WHEN prior.id IS NOT NULL AND prior.payer_id = i.debit_id AND prior.fingerprint = i.fingerprint
                    THEN 'replayed'
                WHEN prior.id IS NOT NULL THEN 'PaymentIdTaken'
                WHEN hold.id IS NOT NULL AND hold.kind = i.kind AND hold.debit_account_id = i.debit_id
                    AND hold.credit_account_id = payee_id AND hold.amount = due AND hold.fingerprint = i.fingerprint
                    AND hold.original_id IS NOT DISTINCT FROM i.original_id THEN 'replayed'
                WHEN hold.id IS NOT NULL THEN 'PaymentIdTaken'
                WHEN moved.id IS NOT NULL AND moved.kind = i.kind AND moved.debit_account_id = i.debit_id
                    AND moved.credit_account_id = payee_id AND moved.amount = due
                    AND moved.original_id IS NOT DISTINCT FROM i.original_id THEN 'replayed'
                WHEN moved.id IS NOT NULL THEN 'PaymentIdTaken'
                WHEN personal AND payer.locked_at IS NOT NULL THEN 'AccountLocked'
                WHEN personal AND i.session_id IS NULL AND autopay.id IS NULL THEN 'AutopayNotAllowed'
                WHEN personal AND autopay.id IS NULL AND session.unlocked_until > now_here IS NOT TRUE
                    THEN 'WalletLocked'
                WHEN personal AND payer.money_out_from > now_here THEN 'MoneyOutWaits'
                WHEN personal AND payer.level < (policies ->> level_policy)::int THEN 'LevelTooLow'
                WHEN i.kind IN ('bill', 'collection') AND bill.id IS NULL THEN 'UnknownBill'
                WHEN i.bill_id IS NOT NULL AND bill.status <> 'due' THEN 'BillNotDue'
                WHEN i.kind = 'merchant' AND (terminal.id IS NULL OR terminal.revoked_at IS NOT NULL)
                    THEN 'UnknownTerminal'
                WHEN i.kind = 'merchant' AND merchant.status <> 'active' THEN 'MerchantNotActive'
                WHEN i.kind = 'merchant' AND i.order_id IS NOT NULL
                    AND merchant_order.terminal_id = i.terminal_id IS NOT TRUE THEN 'UnknownOrder'
                WHEN i.kind = 'taking' AND i.order_id IS NOT NULL
                    AND merchant_order.merchant_id = i.credit_id IS NOT TRUE THEN 'UnknownOrder'
                WHEN merchant_order.status = 'paid' THEN 'OrderAlreadyPaid'
                WHEN merchant_order.expires_at <= now_here THEN 'OrderExpired'
                WHEN merchant_order.amount <> i.amount OR bill.amount <> i.amount THEN 'AmountDiffers'
                WHEN misses.key IS NOT NULL THEN 'TooManyUnknownPayees'
                WHEN i.kind = 'person' AND (person.id IS NULL OR person.closed_at IS NOT NULL) THEN 'UnknownPayee'
                WHEN due IS NULL THEN 'AmountMissing'
                WHEN payee_id = i.debit_id THEN 'PaymentToSelf'
                WHEN c.id IS NULL OR d.id IS NULL OR c.closed_at IS NOT NULL OR d.closed_at IS NOT NULL
                    THEN 'AccountClosed'
                WHEN original.id IS NOT NULL AND (original.status <> 'paid' OR original.payer_id <> i.credit_id)
                    THEN 'NotRefundable'
                WHEN original.refunded + due > original.amount THEN 'RefundTooMuch'
                WHEN d.frozen_at IS NOT NULL THEN 'AccountFrozen'
                WHEN d.posted - d.pending - due < d.floor THEN 'InsufficientFunds'
                WHEN counted_in IN ('general', 'essential') AND spent.goods + due > (policies ->> 'limit.day_goods')::bigint
                    THEN 'DayLimitReached'
                WHEN counted_in = 'essential' AND spent.month + due > (policies ->> 'limit.month_essential')::bigint
                    THEN 'EssentialLimitReached'
                WHEN counted_in IN ('general', 'people') AND spent.month + due > (policies ->> 'limit.month_general')::bigint
                    THEN 'MonthLimitReached'
                WHEN asked.strong AND step_up.method IN ('passkey', 'face') IS NOT TRUE THEN 'StrongStepUpRequired'
                WHEN asked.code AND step_up.method IS NULL THEN 'StepUpRequired'
                ELSE 'applied'
            END AS verdict
        FROM unnest(ids, kinds, debit_ids, credit_ids, amounts, session_ids, bill_ids, terminal_ids, order_ids, phones,
            memos, fingerprints, step_up_ids, original_ids, helds) WITH ORDINALITY
            AS i (id, kind, debit_id, credit_id, amount, session_id, bill_id, terminal_id, order_id, phone, memo,
                fingerprint, step_up_id, original_id, wants_hold, position)
        CROSS JOIN LATERAL (SELECT i.kind IN ('bill', 'merchant', 'person', 'withdrawal'),
            CASE i.kind WHEN 'withdrawal' THEN 'level.withdraw' ELSE 'level.pay_' || i.kind END
        ) AS asked_by (personal, level_policy)
        LEFT JOIN LATERAL (SELECT * FROM payment WHERE id = i.id OFFSET 0) AS prior ON true
        LEFT JOIN LATERAL (SELECT * FROM transfer WHERE id = i.id OFFSET 0) AS moved ON true
        LEFT JOIN LATERAL (SELECT * FROM hold WHERE id = i.id OFFSET 0) AS hold ON true
        LEFT JOIN LATERAL (SELECT unlocked_until, new_until FROM session
            WHERE id = i.session_id AND ended_at IS NULL OFFSET 0) AS session ON true
        LEFT JOIN LATERAL (SELECT screen_name, level, locked_at, money_out_from FROM principal
            WHERE id = i.debit_id OFFSET 0) AS payer ON true
        LEFT JOIN LATERAL (SELECT method FROM step_up
            WHERE id = i.step_up_id AND principal_id = i.debit_id AND session_id = i.session_id AND payment_id = i.id
                AND fingerprint = i.fingerprint AND used_at IS NULL AND expires_at > now_here OFFSET 0) AS step_up
            ON true
        LEFT JOIN LATERAL (SELECT * FROM bill WHERE id = i.bill_id OFFSET 0) AS bill ON true
        LEFT JOIN LATERAL (SELECT * FROM biller WHERE code = bill.biller_code OFFSET 0) AS biller ON true
        LEFT JOIN LATERAL (SELECT * FROM autopay
            WHERE id = CASE WHEN i.kind = 'bill' AND i.session_id IS NULL THEN i.original_id END
                AND principal_id = i.debit_id AND biller_code = bill.biller_code
                AND customer_code = bill.customer_code AND ceiling >= bill.amount AND ended_at IS NULL OFFSET 0)
            AS autopay ON true
        LEFT JOIN LATERAL (SELECT * FROM terminal WHERE id = i.terminal_id OFFSET 0) AS terminal ON true
        LEFT JOIN LATERAL (SELECT * FROM merchant WHERE id = terminal.merchant_id OFFSET 0) AS merchant ON true
        LEFT JOIN LATERAL (SELECT * FROM merchant_order WHERE id = i.order_id OFFSET 0) AS merchant_order ON true
        LEFT JOIN LATERAL (SELECT * FROM principal WHERE phone = i.phone OFFSET 0) AS person ON true
        LEFT JOIN LATERAL (SELECT * FROM payment
            WHERE id = CASE i.kind WHEN 'refund' THEN i.original_id END OFFSET 0) AS original ON true
        -- The budget of payments.spend_a_miss: used up, it answers before anybody is looked up.
        LEFT JOIN LATERAL (SELECT key FROM budget WHERE i.kind = 'person'
            AND key = 'unknown payee ' || i.debit_id::text AND window_s = 600 AND used >= 20
            AND window_started_at > now_here - interval '600 seconds' OFFSET 0) AS misses ON true
        CROSS JOIN LATERAL (SELECT
            coalesce(i.credit_id, biller.account_id, merchant.id, person.id),
            coalesce(bill.amount, merchant_order.amount, i.amount),
            coalesce(i.wants_hold OR i.kind = 'withdrawal' OR biller.adapter <> 'none', false),
            CASE i.kind
                WHEN 'bill' THEN CASE WHEN biller.essential THEN 'essential' ELSE 'general' END
                WHEN 'merchant' THEN 'general'
                WHEN 'person' THEN 'people'
                WHEN 'withdrawal' THEN 'withdrawal'
            END
        ) AS settled (payee_id, due, held, counted_in)
        LEFT JOIN LATERAL (SELECT * FROM account WHERE id = i.debit_id OFFSET 0) AS d ON true
        LEFT JOIN LATERAL (SELECT * FROM account WHERE id = payee_id OFFSET 0) AS c ON true
        CROSS JOIN LATERAL (SELECT
            CASE WHEN d.spent_on = today THEN d.day_goods ELSE 0 END,
            CASE WHEN d.spent_on = today THEN d.day_people ELSE 0 END,
            CASE WHEN d.spent_on < month_start IS NOT FALSE THEN 0
                WHEN counted_in = 'essential' THEN d.month_essential ELSE d.month_general END
        ) AS spent (goods, people, month)
        -- Which proof the amount and the day's total ask for: on a new device always one, else above the policies' amounts.
        CROSS JOIN LATERAL (SELECT
            personal AND CASE
                WHEN session.new_until > now_here AND due > (policies ->> 'new_device.code_ceiling')::bigint THEN true
                WHEN counted_in IN ('people', 'withdrawal') THEN
                    due > (policies ->> 'step_up.person_strong_above')::bigint
                    OR spent.people + due > (policies ->> 'step_up.person_day_strong_above')::bigint
                ELSE spent.goods + due > (policies ->> 'step_up.goods_strong_above')::bigint END,
            personal AND (session.new_until > now_here IS TRUE
                OR counted_in IN ('general', 'essential')
                AND spent.goods + due > (policies ->> 'step_up.goods_code_above')::bigint)
        ) AS asked (strong, code)
    ),
    applied AS (
        SELECT * FROM judged WHERE verdict = 'applied'
    ),
    leg AS (
        SELECT position, id, debit_id AS account_id, false AS is_credit, -due AS amount, debit_posted AS posted,
            debit_version AS version
        FROM applied WHERE NOT held
        UNION ALL
        SELECT position, id, payee_id, true, due, credit_posted, credit_version
        FROM applied WHERE NOT held
    ),
    -- An account's one debit stands before its credits: it was allowed without them, and leaves debit_posted - due.
    written AS MATERIALIZED (
        SELECT id, account_id, amount,
            posted + sum(amount) OVER running AS balance_after,
            version + row_number() OVER running AS version
        FROM leg
        WINDOW running AS (PARTITION BY account_id ORDER BY is_credit, position ROWS UNBOUNDED PRECEDING)
    ),
    moved_money AS (
        INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, memo, original_id, made_at)
        SELECT id, kind, debit_id, payee_id, due, memo, original_id, now_here FROM applied WHERE NOT held
    ),
    both_sides AS (
        INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
        SELECT account_id, version, id, amount, balance_after FROM written
    ),
    reserved AS (
        INSERT INTO hold (id, kind, debit_account_id, credit_account_id, amount, memo, fingerprint, original_id, counted,
            made_at)
        SELECT id, kind, debit_id, payee_id, due, memo, fingerprint, original_id, counted, now_here
        FROM applied WHERE held
    ),
    effect AS (
        SELECT debit_id AS account_id, CASE WHEN held THEN 0 ELSE -due END AS amount, (NOT held)::int AS entries,
            CASE WHEN held THEN due ELSE 0 END AS pending, counted IS NOT NULL AS counts,
            CASE WHEN counted IN ('general', 'essential') THEN due ELSE 0 END AS goods,
            CASE WHEN counted IN ('people', 'withdrawal') THEN due ELSE 0 END AS people,
            CASE WHEN counted IN ('general', 'people') THEN due ELSE 0 END AS general,
            CASE WHEN counted = 'essential' THEN due ELSE 0 END AS essential
        FROM applied
        UNION ALL
        SELECT payee_id, due, 1, 0, given_back IS NOT NULL, 0, 0,
            CASE WHEN given_back = 'general' THEN -due ELSE 0 END,
            CASE WHEN given_back = 'essential' THEN -due ELSE 0 END
        FROM applied WHERE NOT held
    ),
    balances AS (
        UPDATE account
        SET posted = account.posted + change.amount, version = account.version + change.entries,
            pending = account.pending + change.pending,
            spent_on = CASE WHEN change.counts THEN today ELSE account.spent_on END,
            day_goods = CASE WHEN account.spent_on < today AND change.counts THEN 0 ELSE account.day_goods END
                + change.goods,
            day_people = CASE WHEN account.spent_on < today AND change.counts THEN 0 ELSE account.day_people END
                + change.people,
            month_general = greatest(0, CASE WHEN account.spent_on < month_start AND change.counts THEN 0
                ELSE account.month_general END + change.general),
            month_essential = greatest(0, CASE WHEN account.spent_on < month_start AND change.counts THEN 0
                ELSE account.month_essential END + change.essential)
        FROM (
            SELECT account_id, sum(amount)::bigint AS amount, sum(entries) AS entries, sum(pending)::bigint AS pending,
                bool_or(counts) AS counts, sum(goods)::bigint AS goods, sum(people)::bigint AS people,
                sum(general)::bigint AS general, sum(essential)::bigint AS essential
            FROM effect GROUP BY 1
        ) AS change
        WHERE account.id = change.account_id
    ),
    made AS (
        INSERT INTO payment (id, payer_id, kind, status, amount, balance_after, payer_name, payee_name, payee_detail,
            bill_id, terminal_id, order_id, memo, fingerprint, counted, made_at)
        SELECT id, debit_id, kind, status, due, debit_available - due, payer_name, payee_name, payee_detail,
            bill_id, terminal_id, order_id, memo, fingerprint, counted, now_here
        FROM applied
        WHERE kind IN ('bill', 'merchant', 'person')
    ),
    bills_claimed AS (
        UPDATE bill SET status = CASE WHEN held THEN 'paying' ELSE 'paid' END, payment_id = a.id,
            paid_at = CASE WHEN NOT held THEN now_here END
        FROM applied AS a WHERE bill.id = a.bill_id AND bill.id = ANY (bill_ids)
    ),
    orders_paid AS (
        UPDATE merchant_order SET status = 'paid', payment_id = a.id, paid_at = now_here
        FROM applied AS a WHERE merchant_order.id = a.order_id AND merchant_order.id = ANY (order_ids)
    ),
    given_back AS (
        UPDATE payment SET refunded = payment.refunded + a.due
        FROM applied AS a WHERE a.kind = 'refund' AND payment.id = a.original_id AND payment.id = ANY (original_ids)
    ),
    step_ups_used AS (
        UPDATE step_up SET used_at = now_here
        FROM applied AS a WHERE step_up.id = a.step_up_id AND step_up.id = ANY (step_up_ids)
    ),
    told AS (
        INSERT INTO event (kind, data, made_at)
        SELECT CASE WHEN bill_id IS NOT NULL AND held THEN 'BillHeld' WHEN bill_id IS NOT NULL THEN 'BillPaid'
                WHEN kind = 'merchant' THEN 'MerchantPaid' ELSE 'PersonPaid' END, news, now_here
        FROM applied WHERE news IS NOT NULL ORDER BY position
    )
    SELECT position, verdict, coalesce(prior_amount, due),
        coalesce(prior_balance, debit_available - CASE verdict WHEN 'applied' THEN due ELSE 0 END),
        payee_name, payee_detail, coalesce(prior_made_at, now_here), status,
        CASE WHEN verdict = 'DayLimitReached' THEN day_limit
            WHEN verdict IN ('MonthLimitReached', 'EssentialLimitReached') THEN month_limit END,
        CASE WHEN verdict = 'DayLimitReached' THEN day_limit - spent_goods
            WHEN verdict IN ('MonthLimitReached', 'EssentialLimitReached') THEN month_limit - spent_month END
    FROM judged;
END
$$;

-- hold_resolve_1 says what becomes of a hold, once: captured (all of it, or a part of it and the rest is free again),
-- voided, or expired. Says `applied`, `replayed` for the same outcome again, or the name of the Refusal. The transfer of
-- a capture has the hold's id. A bill and its payment follow: paid, or due again. What was counted in the wallet's totals
-- is given back while they are still of its day and its month. Order of locks: the hold, then as everywhere.
CREATE OR REPLACE FUNCTION hold_resolve_1(hold_id uuid, outcome text, part bigint, why text)
RETURNS TABLE (verdict text, amount bigint, balance_after bigint, made_at timestamptz)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    held hold%ROWTYPE;
    taken bigint;
    freed bigint;
    left_now bigint;
    now_here timestamptz;
    held_on date;
BEGIN
    SELECT * INTO held FROM hold WHERE id = hold_id FOR UPDATE;
    taken := CASE WHEN outcome = 'captured' THEN coalesce(part, held.amount) ELSE 0 END;
    IF held.id IS NULL THEN
        RETURN QUERY SELECT 'UnknownHold', NULL::bigint, NULL::bigint, NULL::timestamptz;
        RETURN;
    ELSIF held.status = outcome AND coalesce(held.captured_amount, 0) = taken THEN
        RETURN QUERY SELECT 'replayed', taken, posted - pending, held.resolved_at
            FROM account WHERE id = held.debit_account_id;
        RETURN;
    ELSIF held.status <> 'pending' THEN
        RETURN QUERY SELECT 'HoldAlreadyResolved', NULL::bigint, NULL::bigint, held.resolved_at;
        RETURN;
    ELSIF outcome = 'captured' AND (taken NOT BETWEEN 1 AND held.amount
        OR taken < held.amount AND held.kind IN ('bill', 'collection')) THEN
        RETURN QUERY SELECT 'AmountDiffers', held.amount, NULL::bigint, NULL::timestamptz;
        RETURN;
    END IF;

    PERFORM FROM account WHERE id IN (held.debit_account_id, held.credit_account_id) ORDER BY id FOR NO KEY UPDATE;
    PERFORM FROM bill WHERE payment_id = hold_id AND status = 'paying' FOR NO KEY UPDATE;
    now_here := city_now();
    held_on := (held.made_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
    freed := held.amount - taken;

    IF taken > 0 THEN
        INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, memo, original_id, made_at)
        VALUES (hold_id, held.kind, held.debit_account_id, held.credit_account_id, taken, held.memo, hold_id, now_here);
        INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
        SELECT id, version + 1, hold_id, CASE id WHEN held.credit_account_id THEN taken ELSE -taken END,
            posted + CASE id WHEN held.credit_account_id THEN taken ELSE -taken END
        FROM account WHERE id IN (held.debit_account_id, held.credit_account_id);
        UPDATE account SET posted = posted + taken, version = version + 1 WHERE id = held.credit_account_id;
    END IF;
    UPDATE account SET posted = posted - taken, pending = pending - held.amount,
        version = version + (taken > 0)::int,
        day_goods = day_goods - CASE WHEN spent_on = held_on AND held.counted IN ('general', 'essential') THEN freed
            ELSE 0 END,
        day_people = day_people - CASE WHEN spent_on = held_on AND held.counted IN ('people', 'withdrawal') THEN freed
            ELSE 0 END,
        month_general = greatest(0, month_general - CASE WHEN date_trunc('month', spent_on) = date_trunc('month', held_on)
            AND held.counted IN ('general', 'people') THEN freed ELSE 0 END),
        month_essential = greatest(0, month_essential - CASE
            WHEN date_trunc('month', spent_on) = date_trunc('month', held_on) AND held.counted = 'essential' THEN freed
            ELSE 0 END)
    WHERE id = held.debit_account_id
    RETURNING posted - pending INTO left_now;

    UPDATE hold SET status = outcome, resolved_at = now_here, captured_amount = nullif(taken, 0) WHERE id = hold_id;
    IF held.kind IN ('bill', 'collection') THEN
        UPDATE payment SET status = CASE WHEN taken > 0 THEN 'paid' ELSE 'failed' END
        WHERE id = hold_id AND status = 'pending';
        INSERT INTO event (kind, data, made_at)
        SELECT CASE WHEN taken > 0 THEN 'BillPaid' ELSE 'BillPaymentFailed' END,
            jsonb_build_object(
                'payment_id', hold_id, 'payer_id', CASE held.kind WHEN 'bill' THEN held.debit_account_id END,
                'amount', held.amount, 'bill_id', bill.id, 'biller', biller.code, 'biller_name', biller.name_vi,
                'biller_name_en', biller.name_en, 'reference', bill.reference, 'customer_code', bill.customer_code,
                'period', bill.period, 'subject', bill.subject)
            || CASE WHEN taken > 0 THEN '{}' ELSE jsonb_build_object('why', why) END,
            now_here
        FROM bill JOIN biller ON biller.code = bill.biller_code
        WHERE bill.payment_id = hold_id AND bill.status = 'paying';
        UPDATE bill SET status = CASE WHEN taken > 0 THEN 'paid' ELSE 'due' END,
            payment_id = CASE WHEN taken > 0 THEN hold_id END, paid_at = CASE WHEN taken > 0 THEN now_here END
        WHERE payment_id = hold_id AND status = 'paying';
    END IF;
    RETURN QUERY SELECT 'applied', taken, left_now, now_here;
END
$$;

-- A resident's wallet and a merchant's account open when money first touches them.
CREATE OR REPLACE FUNCTION open_accounts(ids uuid[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO account (id, kind)
    SELECT owner.id, owner.kind FROM (
        SELECT id, 'wallet' AS kind FROM principal WHERE id = ANY (ids)
        UNION ALL
        SELECT id, 'merchant' FROM merchant WHERE id = ANY (ids)
    ) AS owner
    ORDER BY owner.id
    ON CONFLICT (id) DO NOTHING
$$;

-- Every law of the ledger, and how many rows break it: all zeros is a healthy ledger.
CREATE OR REPLACE FUNCTION ledger_check()
RETURNS TABLE (law text, broken bigint)
LANGUAGE sql STABLE
AS $$
    SELECT 'each transfer has one debit and one credit entry of its amount', count(*) FROM (
        SELECT FROM transfer LEFT JOIN entry ON entry.transfer_id = transfer.id
        GROUP BY transfer.id
        HAVING NOT coalesce(count(*) = 2
            AND bool_or(entry.account_id = debit_account_id AND entry.amount = -transfer.amount)
            AND bool_or(entry.account_id = credit_account_id AND entry.amount = transfer.amount), false)
    ) AS lame
    UNION ALL
    SELECT 'each entry has its transfer', count(*)
    FROM entry LEFT JOIN transfer ON transfer.id = entry.transfer_id WHERE transfer.id IS NULL
    UNION ALL
    SELECT 'all entries add up to zero', (coalesce(sum(amount), 0) <> 0)::int FROM entry
    UNION ALL
    SELECT 'a balance is the sum of its entries, and its version their count', count(*) FROM (
        SELECT FROM account LEFT JOIN entry ON entry.account_id = account.id
        GROUP BY account.id
        HAVING account.posted <> coalesce(sum(entry.amount), 0) OR account.version <> count(entry.version)
    ) AS drifted
    UNION ALL
    SELECT 'each running balance follows from the one before', count(*) FROM (
        SELECT balance_after, version, row_number() OVER account_history AS nth,
            sum(amount) OVER account_history AS expected
        FROM entry WINDOW account_history AS (PARTITION BY account_id ORDER BY version)
    ) AS history WHERE balance_after <> expected OR version <> nth
    UNION ALL
    SELECT 'no account stands below its floor', count(*) FROM account WHERE posted - pending < floor
    UNION ALL
    SELECT 'what is pending on an account is the sum of its open holds', count(*) FROM (
        SELECT FROM account LEFT JOIN hold ON hold.debit_account_id = account.id AND hold.status = 'pending'
        GROUP BY account.id HAVING account.pending <> coalesce(sum(hold.amount), 0)
    ) AS drifted
    UNION ALL
    SELECT 'a captured hold has its transfer, and no other hold has one', count(*)
    FROM hold LEFT JOIN transfer ON transfer.id = hold.id
    WHERE hold.captured_amount IS DISTINCT FROM transfer.amount
    UNION ALL
    SELECT 'a pending payment has its open hold', count(*)
    FROM payment LEFT JOIN hold ON hold.id = payment.id AND hold.status = 'pending'
    WHERE (payment.status = 'pending') <> (hold.id IS NOT NULL)
    UNION ALL
    SELECT 'what was given back of a payment is the sum of its refunds', count(*) FROM (
        SELECT FROM payment LEFT JOIN transfer ON transfer.original_id = payment.id AND transfer.kind = 'refund'
        GROUP BY payment.id HAVING payment.refunded <> coalesce(sum(transfer.amount), 0)
    ) AS differing
    UNION ALL
    SELECT 'each paid payment has its transfer', count(*)
    FROM payment LEFT JOIN transfer ON transfer.id = payment.id AND transfer.amount = payment.amount
    WHERE payment.status = 'paid' AND transfer.id IS NULL
    UNION ALL
    SELECT 'each bill is paid by at most one payment', count(*) FROM (
        SELECT FROM payment WHERE status = 'paid' AND bill_id IS NOT NULL GROUP BY bill_id HAVING count(*) > 1
    ) AS twice
    UNION ALL
    SELECT 'each order is paid by at most one payment', count(*) FROM (
        SELECT FROM payment WHERE status = 'paid' AND order_id IS NOT NULL GROUP BY order_id HAVING count(*) > 1
    ) AS twice
    UNION ALL
    SELECT 'the guarantee at the bank covers all wallets', (
        coalesce(-sum(posted) FILTER (WHERE kind = 'guarantee'), 0) < coalesce(sum(posted) FILTER (WHERE kind = 'wallet'), 0)
    )::int FROM account
$$;

-- The same laws, held against what moved since a moment: transfers made since then, as many of the newest entries of the
-- accounts that they touched, holds captured and payments made since then: by indexes, in a time that grows with what
-- moved. Only the accounts' own rows are all read, for floors, holds and the guarantee; `whole`: so the law was looked
-- at to its end.
-- Entries have no time: an account's newest are taken, one for each transfer that touched it, and one before them to
-- follow from. If a clock was set back they may be others; then the transfer's are looked for in all of both accounts,
-- for a hundred transfers at the most: more are no clock's doing.
CREATE OR REPLACE FUNCTION ledger_check_recent(since timestamptz)
RETURNS TABLE (law text, broken bigint, whole boolean)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH moved AS MATERIALIZED (
        SELECT * FROM transfer WHERE made_at >= since
    ),
    touched AS MATERIALIZED (
        SELECT account_id, moves, account.posted, account.version
        FROM (
            SELECT account_id, count(*) AS moves FROM moved
            CROSS JOIN LATERAL (VALUES (debit_account_id), (credit_account_id)) AS side (account_id)
            GROUP BY account_id
        ) AS side
        LEFT JOIN LATERAL (SELECT posted, version FROM account WHERE id = account_id OFFSET 0) AS account ON true
    ),
    seen AS MATERIALIZED (
        SELECT touched.account_id, touched.version - moves AS from_version, entry.version, entry.amount, balance_after,
            transfer_id, transfer.id AS known_id, transfer.made_at >= since AS is_recent,
            transfer.debit_account_id = touched.account_id AND entry.amount = -transfer.amount AS is_debit,
            transfer.credit_account_id = touched.account_id AND entry.amount = transfer.amount AS is_credit
        FROM touched
        CROSS JOIN LATERAL (SELECT * FROM entry
            WHERE account_id = touched.account_id AND version >= touched.version - moves OFFSET 0) AS entry
        LEFT JOIN LATERAL (SELECT * FROM transfer WHERE id = transfer_id OFFSET 0) AS transfer ON true
    ),
    paired AS MATERIALIZED (
        SELECT moved.id, debit_account_id, credit_account_id, moved.amount, count(transfer_id) AS entries,
            coalesce(bool_or(is_debit), false) AND coalesce(bool_or(is_credit), false) AS fits
        FROM moved LEFT JOIN seen ON transfer_id = moved.id
        GROUP BY moved.id, debit_account_id, credit_account_id, moved.amount
    ),
    doubtful AS MATERIALIZED (
        SELECT *, row_number() OVER () AS nth FROM paired WHERE entries < 2
    ),
    lame AS MATERIALIZED (
        SELECT id FROM paired WHERE entries > 2 OR entries = 2 AND NOT fits
        UNION
        SELECT known_id FROM seen WHERE known_id IS NOT NULL AND NOT is_recent AND NOT is_debit AND NOT is_credit
        UNION
        SELECT id FROM doubtful
        CROSS JOIN LATERAL (SELECT count(*) = 2
                AND bool_or(entry.account_id = debit_account_id AND entry.amount = -doubtful.amount)
                AND bool_or(entry.account_id = credit_account_id AND entry.amount = doubtful.amount)
            FROM entry
            WHERE nth <= 100 AND account_id IN (debit_account_id, credit_account_id) AND transfer_id = doubtful.id OFFSET 0
        ) AS found (both_sides)
        WHERE both_sides IS NOT TRUE
    ),
    newest AS MATERIALIZED (
        SELECT posted, touched.version, coalesce(last.version, 0) AS last_version, coalesce(balance_after, 0) AS last_balance
        FROM touched
        LEFT JOIN LATERAL (SELECT version, balance_after FROM entry
            WHERE account_id = touched.account_id ORDER BY version DESC LIMIT 1) AS last ON true
    ),
    followed AS MATERIALIZED (
        SELECT version, amount, balance_after, from_version,
            lag(version) OVER account_history AS version_before, lag(balance_after) OVER account_history AS balance_before
        FROM seen WINDOW account_history AS (PARTITION BY account_id ORDER BY version)
    ),
    open_hold AS MATERIALIZED (
        SELECT id, debit_account_id, amount FROM hold WHERE status = 'pending'
    ),
    books AS MATERIALIZED (
        SELECT coalesce(sum(posted), 0) AS everything,
            coalesce(-sum(posted) FILTER (WHERE kind = 'guarantee'), 0) AS guarantee,
            coalesce(sum(posted) FILTER (WHERE kind = 'wallet'), 0) AS wallets,
            count(*) FILTER (WHERE posted - pending < floor) AS below_floor,
            count(*) FILTER (WHERE pending <> coalesce(held, 0)) AS pending_otherwise
        FROM account
        LEFT JOIN (SELECT debit_account_id, sum(amount) AS held FROM open_hold GROUP BY 1) AS holds
            ON debit_account_id = account.id
    ),
    paying AS MATERIALIZED (
        SELECT id, status, amount, refunded, bill_id, order_id FROM payment WHERE made_at >= since
        UNION ALL
        SELECT payment.id, status, payment.amount, refunded, bill_id, order_id FROM moved
        CROSS JOIN LATERAL (SELECT * FROM payment WHERE id = moved.id OFFSET 0) AS payment
        WHERE payment.made_at < since
    ),
    given_back AS MATERIALIZED (
        SELECT id, refunded FROM paying
        UNION
        SELECT payment.id, payment.refunded FROM moved
        CROSS JOIN LATERAL (SELECT * FROM payment WHERE id = moved.original_id OFFSET 0) AS payment
        WHERE moved.kind = 'refund'
    )
    SELECT 'each transfer has one debit and one credit entry of its amount', count(*), false FROM lame
    UNION ALL
    SELECT 'each entry has its transfer', count(*), false FROM seen WHERE known_id IS NULL
    UNION ALL
    SELECT 'all entries add up to zero', (everything - drifted <> 0 OR unpaired <> 0)::int, false
    FROM books
    CROSS JOIN (SELECT coalesce(sum(posted - last_balance), 0) AS drifted FROM newest) AS balances
    CROSS JOIN (
        SELECT coalesce(sum(seen.amount), 0) AS unpaired FROM seen LEFT JOIN lame ON lame.id = known_id
        WHERE known_id IS NULL OR lame.id IS NOT NULL
    ) AS entries
    UNION ALL
    SELECT 'a balance is the sum of its entries, and its version their count', count(*), false FROM newest
    WHERE (version, posted) IS DISTINCT FROM (last_version, last_balance)
    UNION ALL
    SELECT 'each running balance follows from the one before', count(*), false FROM followed
    WHERE CASE WHEN version_before IS NULL THEN version > greatest(from_version, 1) OR version = 1 AND balance_after <> amount
        ELSE version <> version_before + 1 OR balance_after <> balance_before + amount END
    UNION ALL
    SELECT 'no account stands below its floor', below_floor, true FROM books
    UNION ALL
    SELECT 'what is pending on an account is the sum of its open holds', pending_otherwise, true FROM books
    UNION ALL
    SELECT 'a captured hold has its transfer, and no other hold has one', count(*), false FROM (
        SELECT hold.id FROM moved
        CROSS JOIN LATERAL (SELECT id, captured_amount FROM hold WHERE id = moved.id OFFSET 0) AS hold
        WHERE captured_amount IS DISTINCT FROM moved.amount
        UNION
        SELECT hold.id FROM hold
        LEFT JOIN LATERAL (SELECT amount FROM transfer WHERE id = hold.id OFFSET 0) AS transfer ON true
        WHERE hold.status = 'captured' AND resolved_at >= since AND captured_amount IS DISTINCT FROM transfer.amount
    ) AS torn
    UNION ALL
    SELECT 'a pending payment has its open hold', count(*), false FROM (
        SELECT paying.id FROM paying
        LEFT JOIN LATERAL (SELECT status FROM hold WHERE id = paying.id OFFSET 0) AS hold ON true
        WHERE (paying.status = 'pending') <> coalesce(hold.status = 'pending', false)
        UNION
        SELECT open_hold.id FROM open_hold
        CROSS JOIN LATERAL (SELECT status FROM payment WHERE id = open_hold.id OFFSET 0) AS payment
        WHERE payment.status <> 'pending'
    ) AS torn
    UNION ALL
    SELECT 'what was given back of a payment is the sum of its refunds', count(*), false
    FROM given_back
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) FROM transfer
        WHERE original_id = given_back.id AND kind = 'refund' OFFSET 0) AS refunds (amount)
    WHERE refunded <> refunds.amount
    UNION ALL
    SELECT 'each paid payment has its transfer', count(*), false
    FROM paying LEFT JOIN LATERAL (SELECT amount FROM transfer WHERE id = paying.id OFFSET 0) AS transfer ON true
    WHERE status = 'paid' AND transfer.amount IS DISTINCT FROM paying.amount
    UNION ALL
    SELECT 'each bill is paid by at most one payment', count(*), false
    FROM paying LEFT JOIN LATERAL (SELECT payment_id FROM bill WHERE id = bill_id OFFSET 0) AS bill ON true
    WHERE status = 'paid' AND bill_id IS NOT NULL AND payment_id IS DISTINCT FROM paying.id
    UNION ALL
    SELECT 'each order is paid by at most one payment', count(*), false
    FROM paying
    LEFT JOIN LATERAL (SELECT payment_id FROM merchant_order WHERE id = order_id OFFSET 0) AS of_order ON true
    WHERE status = 'paid' AND order_id IS NOT NULL AND payment_id IS DISTINCT FROM paying.id
    UNION ALL
    SELECT 'the guarantee at the bank covers all wallets', (guarantee < wallets)::int, true FROM books;
END
$$;
