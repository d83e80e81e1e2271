-- repeatable: the one function through which money moves. A changed signature gets a new number in its name.

-- ledger_move_2 applies up to 128 movements at once, each on its own merits: item n of every array is one movement.
--   ids           made by the phone; the same id with the same content is answered again, never moved again
--   kinds         bill | merchant | person: a resident's payment; funding: a plain transfer between two accounts
--   debit_ids     the account that pays; at most one movement per debit account, bill and order in one call
--   credit_ids    the account that is paid (plain transfers); payments name a bill, a terminal or a phone instead
--   amounts       whole đồng; null where the bill or the order says it
--   session_ids   of payments: the session whose wallet must be unlocked
--   fingerprints  a digest of what was asked, to tell a replay from another request under the same id
--   step_up_ids   the proof beside the PIN, where the policies ask for one: bound to this payment, used up by it
-- Each movement gets a verdict: applied, replayed, or the name of the Refusal. A refused one leaves no row.
-- `OFFSET 0` keeps each look-up a look-up by key: a plan made while a table was empty must not read all of it later.
-- Order of locks, everywhere: accounts by id, then bills by id, then orders by id, then the insert of the ids.
CREATE OR REPLACE FUNCTION ledger_move_2(
    ids uuid[], kinds text[], debit_ids uuid[], credit_ids uuid[], amounts bigint[], session_ids uuid[],
    bill_ids uuid[], terminal_ids uuid[], order_ids uuid[], phones text[], memos text[], fingerprints bytea[],
    step_up_ids uuid[]
) RETURNS TABLE (
    "position" bigint, verdict text, amount bigint, balance_after bigint, payee_name text, payee_detail text,
    made_at timestamptz
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
    policies jsonb;
BEGIN
    SELECT jsonb_object_agg(code, value) INTO policies FROM current_policy;

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

    IF unopened THEN
        PERFORM open_accounts(debit_ids || paid_ids);
    END IF;

    PERFORM FROM account WHERE id = ANY (debit_ids || paid_ids) ORDER BY id FOR NO KEY UPDATE;
    IF 'bill' = ANY (kinds) THEN
        PERFORM FROM bill WHERE id = ANY (bill_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;
    IF 'merchant' = ANY (kinds) THEN
        PERFORM FROM merchant_order WHERE id = ANY (order_ids) ORDER BY id FOR NO KEY UPDATE;
    END IF;

    -- A new statement, so a fresh snapshot: everything below sees what the locks waited for.
    now_here := city_now();
    RETURN QUERY
    WITH judged AS MATERIALIZED (
        SELECT
            i.position, i.id, i.kind, i.debit_id, i.bill_id, i.terminal_id, i.order_id, i.memo, i.fingerprint,
            CASE WHEN step_up.method IS NOT NULL THEN i.step_up_id END AS step_up_id,
            payee_id, due,
            prior.amount AS prior_amount, prior.balance_after AS prior_balance, prior.made_at AS prior_made_at,
            d.posted AS debit_posted, d.version AS debit_version, c.posted AS credit_posted, c.version AS credit_version,
            payer.screen_name AS payer_name,
            coalesce(prior.payee_name, biller.name_vi, merchant.name, person.screen_name) AS payee_name,
            CASE
                WHEN prior.id IS NOT NULL THEN prior.payee_detail
                WHEN i.kind = 'bill' THEN bill.customer_code
                WHEN i.kind = 'merchant' THEN terminal.name
                WHEN i.kind = 'person' THEN left(person.phone, 6) || '***' || right(person.phone, 3)
            END AS payee_detail,
            CASE i.kind
                WHEN 'bill' THEN jsonb_build_object(
                    'payment_id', i.id, 'payer_id', i.debit_id, 'amount', due, 'bill_id', bill.id,
                    'biller', biller.code, 'biller_name', biller.name_vi, 'biller_name_en', biller.name_en,
                    'reference', bill.reference, 'customer_code', bill.customer_code, 'period', bill.period,
                    'subject', bill.subject)
                WHEN 'merchant' THEN jsonb_build_object(
                    'payment_id', i.id, 'payer_id', i.debit_id, 'amount', due, 'payer_name', payer.screen_name,
                    'merchant_id', merchant.id, 'owner_id', merchant.owner_id, 'merchant_name', merchant.name,
                    'terminal_id', terminal.id, 'terminal_name', terminal.name, 'order_id', merchant_order.id,
                    'order_reference', merchant_order.reference, 'memo', i.memo)
                WHEN 'person' THEN jsonb_build_object(
                    'payment_id', i.id, 'payer_id', i.debit_id, 'amount', due, 'payer_name', payer.screen_name,
                    'payee_id', person.id, 'payee_name', person.screen_name, 'memo', i.memo)
            END AS news,
            CASE
                WHEN prior.id IS NOT NULL AND prior.payer_id = i.debit_id AND prior.fingerprint = i.fingerprint
                    THEN 'replayed'
                WHEN prior.id IS NOT NULL THEN 'PaymentIdTaken'
                WHEN moved.id IS NOT NULL AND moved.kind = i.kind AND moved.debit_account_id = i.debit_id
                    AND moved.credit_account_id = payee_id AND moved.amount = due THEN 'replayed'
                WHEN moved.id IS NOT NULL THEN 'PaymentIdTaken'
                WHEN i.kind <> 'funding' AND payer.locked_at IS NOT NULL THEN 'AccountLocked'
                WHEN i.kind <> 'funding' AND session.unlocked_until > now_here IS NOT TRUE THEN 'WalletLocked'
                WHEN i.kind <> 'funding' AND payer.money_out_from > now_here THEN 'MoneyOutWaits'
                WHEN i.kind <> 'funding' AND payer.level < (policies ->> ('level.pay_' || i.kind))::int
                    THEN 'LevelTooLow'
                WHEN i.kind = 'bill' AND bill.id IS NULL THEN 'UnknownBill'
                WHEN i.kind = 'bill' AND bill.status <> 'due' THEN 'BillNotDue'
                WHEN i.kind = 'merchant' AND (terminal.id IS NULL OR terminal.revoked_at IS NOT NULL)
                    THEN 'UnknownTerminal'
                WHEN i.kind = 'merchant' AND merchant.status <> 'active' THEN 'MerchantNotActive'
                WHEN i.order_id IS NOT NULL AND merchant_order.terminal_id = i.terminal_id IS NOT TRUE
                    THEN 'UnknownOrder'
                WHEN merchant_order.status = 'paid' THEN 'OrderAlreadyPaid'
                WHEN merchant_order.expires_at <= now_here THEN 'OrderExpired'
                WHEN merchant_order.amount <> i.amount THEN 'AmountDiffers'
                WHEN misses.key IS NOT NULL THEN 'TooManyUnknownPayees'
                WHEN i.kind = 'person' AND (person.id IS NULL OR person.closed_at IS NOT NULL) THEN 'UnknownPayee'
                WHEN due IS NULL THEN 'AmountMissing'
                WHEN payee_id = i.debit_id THEN 'PaymentToSelf'
                WHEN c.id IS NULL OR d.id IS NULL OR c.closed_at IS NOT NULL OR d.closed_at IS NOT NULL
                    THEN 'AccountClosed'
                WHEN d.frozen_at IS NOT NULL THEN 'AccountFrozen'
                WHEN d.posted - d.pending - due < d.floor THEN 'InsufficientFunds'
                WHEN asked.strong AND step_up.method IN ('passkey', 'face') IS NOT TRUE THEN 'StrongStepUpRequired'
                WHEN asked.code AND step_up.method IS NULL THEN 'StepUpRequired'
                ELSE 'applied'
            END AS verdict
        FROM unnest(ids, kinds, debit_ids, credit_ids, amounts, session_ids, bill_ids, terminal_ids, order_ids, phones,
            memos, fingerprints, step_up_ids) WITH ORDINALITY
            AS i (id, kind, debit_id, credit_id, amount, session_id, bill_id, terminal_id, order_id, phone, memo,
                fingerprint, step_up_id, position)
        LEFT JOIN LATERAL (SELECT * FROM payment WHERE id = i.id OFFSET 0) AS prior ON true
        LEFT JOIN LATERAL (SELECT * FROM transfer WHERE id = i.id OFFSET 0) AS moved ON true
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
        LEFT JOIN LATERAL (SELECT * FROM terminal WHERE id = i.terminal_id OFFSET 0) AS terminal ON true
        LEFT JOIN LATERAL (SELECT * FROM merchant WHERE id = terminal.merchant_id OFFSET 0) AS merchant ON true
        LEFT JOIN LATERAL (SELECT * FROM merchant_order WHERE id = i.order_id OFFSET 0) AS merchant_order ON true
        LEFT JOIN LATERAL (SELECT * FROM principal WHERE phone = i.phone OFFSET 0) AS person ON true
        -- The budget of payments.spend_a_miss: used up, it answers before anybody is looked up.
        LEFT JOIN LATERAL (SELECT key FROM budget WHERE i.kind = 'person'
            AND key = 'unknown payee ' || i.debit_id::text AND window_s = 600 AND used >= 20
            AND window_started_at > now_here - interval '600 seconds' OFFSET 0) AS misses ON true
        CROSS JOIN LATERAL (SELECT
            coalesce(i.credit_id, biller.account_id, merchant.id, person.id),
            coalesce(bill.amount, merchant_order.amount, i.amount)
        ) AS settled (payee_id, due)
        -- Which proof the amount asks for: on a new device always one, else above the policies' amounts.
        CROSS JOIN LATERAL (SELECT
            i.kind <> 'funding' AND due > CASE
                WHEN session.new_until > now_here THEN (policies ->> 'new_device.code_ceiling')::bigint
                WHEN i.kind = 'person' THEN (policies ->> 'step_up.person_strong_above')::bigint
                ELSE (policies ->> 'step_up.goods_strong_above')::bigint END,
            i.kind <> 'funding' AND (session.new_until > now_here IS TRUE
                OR i.kind <> 'person' AND due > (policies ->> 'step_up.goods_code_above')::bigint)
        ) AS asked (strong, code)
        LEFT JOIN LATERAL (SELECT * FROM account WHERE id = i.debit_id OFFSET 0) AS d ON true
        LEFT JOIN LATERAL (SELECT * FROM account WHERE id = payee_id OFFSET 0) AS c ON true
    ),
    applied AS (
        SELECT * FROM judged WHERE verdict = 'applied'
    ),
    leg AS (
        SELECT position, id, debit_id AS account_id, false AS is_credit, -due AS amount, debit_posted AS posted,
            debit_version AS version
        FROM applied
        UNION ALL
        SELECT position, id, payee_id, true, due, credit_posted, credit_version
        FROM applied
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
        INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount, memo, made_at)
        SELECT id, kind, debit_id, payee_id, due, memo, now_here FROM applied
    ),
    both_sides AS (
        INSERT INTO entry (account_id, version, transfer_id, amount, balance_after)
        SELECT account_id, version, id, amount, balance_after FROM written
    ),
    balances AS (
        UPDATE account
        SET posted = account.posted + change.amount, version = account.version + change.entries
        FROM (SELECT account_id, sum(amount)::bigint AS amount, count(*) AS entries FROM written GROUP BY 1) AS change
        WHERE account.id = change.account_id
    ),
    made AS (
        INSERT INTO payment (id, payer_id, kind, status, amount, balance_after, payer_name, payee_name, payee_detail,
            bill_id, terminal_id, order_id, memo, fingerprint, made_at)
        SELECT id, debit_id, kind, 'paid', due, debit_posted - due, payer_name, payee_name, payee_detail,
            bill_id, terminal_id, order_id, memo, fingerprint, now_here
        FROM applied
        WHERE kind <> 'funding'
    ),
    bills_paid AS (
        UPDATE bill SET status = 'paid', payment_id = a.id, paid_at = now_here
        FROM applied AS a WHERE bill.id = a.bill_id
    ),
    orders_paid AS (
        UPDATE merchant_order SET status = 'paid', payment_id = a.id, paid_at = now_here
        FROM applied AS a WHERE merchant_order.id = a.order_id
    ),
    step_ups_used AS (
        UPDATE step_up SET used_at = now_here FROM applied AS a WHERE step_up.id = a.step_up_id
    ),
    told AS (
        INSERT INTO event (kind, data, made_at)
        SELECT CASE kind WHEN 'bill' THEN 'BillPaid' WHEN 'merchant' THEN 'MerchantPaid' ELSE 'PersonPaid' END, news,
            now_here
        FROM applied WHERE news IS NOT NULL ORDER BY position
    )
    SELECT position, verdict, coalesce(prior_amount, due),
        coalesce(prior_balance, debit_posted - CASE verdict WHEN 'applied' THEN due ELSE 0 END),
        payee_name, payee_detail, coalesce(prior_made_at, now_here)
    FROM judged;
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
