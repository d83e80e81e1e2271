-- migrate:up

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- For so many days after a payment it may be disputed; within so many working days a trace (tra soát) and a
    -- complaint (khiếu nại) are answered.
    ('dispute.within_days', '2026-01-01', 90, NULL),
    ('dispute.trace_days', '2026-01-01', 5, NULL),
    ('dispute.complaint_days', '2026-01-01', 30, NULL),
    -- What somebody at a shop gives back by one refund without an open wallet.
    ('refund.unlocked_above', '2026-01-01', 2000000, NULL),
    -- A movement, or a wallet's day in one direction, from which on it is reported (Law 14/2022/QH15, Art. 25;
    -- Decision 11/2023/QĐ-TTg).
    ('compliance.large_value', '2026-01-01', 400000000, NULL);

-- Money that is given back: by the shop, or by the city's finance (one proposes, another approves). Of a payment to a
-- merchant or of a bill it goes to the payer's wallet, at once; of a bank transfer (`bank`) to the sender's account,
-- where it is pending until the bank has answered.
CREATE TABLE refund (
    id uuid PRIMARY KEY,
    source text NOT NULL CONSTRAINT refund_source CHECK (source IN ('merchant', 'biller', 'bank')),
    payment_id uuid NOT NULL,
    merchant_id uuid,
    biller_code text,
    -- Whose wallet gets it; null: an account at a bank.
    principal_id uuid,
    amount bigint NOT NULL CONSTRAINT refund_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    reason text NOT NULL CONSTRAINT refund_reason CHECK (length(reason) BETWEEN 1 AND 140),
    -- What the biller has agreed to, where it is its money.
    consent text CONSTRAINT refund_consent CHECK (length(consent) <= 500),
    status text NOT NULL CONSTRAINT refund_status CHECK (
        status IN ('proposed', 'refused', 'pending', 'paid', 'failed')),
    failure text CONSTRAINT refund_failure CHECK (failure IN (
        'account_unknown', 'account_closed', 'name_differs', 'bank_unreachable', 'other')),
    by_staff boolean NOT NULL,
    asked_by uuid NOT NULL,
    decided_by uuid,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_at timestamptz,
    resolved_at timestamptz,
    CONSTRAINT refund_second_pair_of_eyes CHECK (NOT by_staff OR status = 'refused' OR decided_by <> asked_by),
    CONSTRAINT refund_decided_whole CHECK ((decided_by IS NULL) = (decided_at IS NULL)
        AND (by_staff AND status <> 'proposed') = (decided_by IS NOT NULL)),
    CONSTRAINT refund_resolved_whole CHECK ((status IN ('paid', 'failed')) = (resolved_at IS NOT NULL)),
    CONSTRAINT refund_failed_for_a_reason CHECK ((status = 'failed') = (failure IS NOT NULL)),
    CONSTRAINT refund_of_a_shop_or_a_biller CHECK ((source = 'biller') = (biller_code IS NOT NULL)
        AND (source = 'biller') = (merchant_id IS NULL) AND (source = 'bank') = (principal_id IS NULL)),
    CONSTRAINT refund_of_a_biller_is_agreed CHECK (source <> 'biller' OR consent IS NOT NULL AND by_staff)
) WITH (fillfactor = 80);
CREATE INDEX refund_payment ON refund (payment_id);
CREATE INDEX refund_merchant ON refund (merchant_id, made_at DESC, id DESC) WHERE merchant_id IS NOT NULL;
CREATE INDEX refund_principal ON refund (principal_id) WHERE principal_id IS NOT NULL;
CREATE INDEX refund_by_staff ON refund (made_at DESC, id DESC) WHERE by_staff;

-- Somebody asks what became of a movement of theirs (trace), or complains of it. `payment_id`: any movement under its
-- id, also one that is only held.
CREATE TABLE dispute (
    id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES principal (id),
    payment_id uuid NOT NULL,
    -- The shop of the one who asks, if they ask as its owner.
    merchant_id uuid,
    kind text NOT NULL CONSTRAINT dispute_kind CHECK (kind IN ('trace', 'complaint')),
    text text,
    status text NOT NULL DEFAULT 'open' CONSTRAINT dispute_status CHECK (
        status IN ('open', 'in_review', 'resolved', 'withdrawn')),
    assigned_to uuid REFERENCES principal (id),
    outcome text CONSTRAINT dispute_outcome CHECK (outcome IN ('refunded', 'rejected', 'corrected')),
    answer text,
    answered_by uuid REFERENCES principal (id),
    refund_id uuid REFERENCES refund (id),
    due_on date NOT NULL,
    overdue_told_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    resolved_at timestamptz,
    CONSTRAINT dispute_resolved_whole CHECK ((status = 'resolved') = (outcome IS NOT NULL)
        AND (status = 'resolved') = (answered_by IS NOT NULL)
        AND (status IN ('resolved', 'withdrawn')) = (resolved_at IS NOT NULL)),
    CONSTRAINT dispute_one_open EXCLUDE (principal_id WITH =, payment_id WITH =) WHERE (status IN ('open', 'in_review')),
    CONSTRAINT dispute_refunded_by_a_refund CHECK ((outcome IS NOT DISTINCT FROM 'refunded') = (refund_id IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX dispute_principal ON dispute (principal_id, made_at DESC, id DESC);
CREATE INDEX dispute_due ON dispute (due_on, id) WHERE status IN ('open', 'in_review');
CREATE INDEX dispute_age ON dispute (made_at DESC, id DESC);

-- What is said about a dispute, by its asker and by staff; `internal`: among staff alone.
CREATE TABLE dispute_note (
    id uuid PRIMARY KEY,
    dispute_id uuid NOT NULL REFERENCES dispute (id),
    author_id uuid NOT NULL REFERENCES principal (id),
    by_staff boolean NOT NULL,
    internal boolean NOT NULL,
    text text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT dispute_note_internal_is_staffs CHECK (by_staff OR NOT internal)
);
CREATE INDEX dispute_note_dispute ON dispute_note (dispute_id, made_at, id);

-- An authority's order to freeze an account, or a part of its money: a part is a hold of the same id. One member of
-- compliance proposes, another approves; lifting likewise.
CREATE TABLE account_freeze (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    -- Whose it is: the resident, or the shop's owner.
    owner_id uuid NOT NULL REFERENCES principal (id),
    merchant_id uuid REFERENCES merchant (id),
    order_number text NOT NULL,
    issued_by text NOT NULL,
    reason text NOT NULL,
    amount bigint CONSTRAINT account_freeze_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    tell_owner boolean NOT NULL,
    status text NOT NULL DEFAULT 'proposed' CONSTRAINT account_freeze_status CHECK (
        status IN ('proposed', 'refused', 'active', 'lift_proposed', 'lifted')),
    proposed_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    lift_reason text,
    lift_proposed_by uuid REFERENCES principal (id),
    lift_proposed_at timestamptz,
    lifted_by uuid REFERENCES principal (id),
    lifted_at timestamptz,
    CONSTRAINT account_freeze_second_pair_of_eyes CHECK (status = 'refused' OR decided_by <> proposed_by),
    CONSTRAINT account_freeze_lift_second_pair_of_eyes CHECK (lifted_by <> lift_proposed_by),
    CONSTRAINT account_freeze_decided_whole CHECK ((status = 'proposed') = (decided_by IS NULL)
        AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT account_freeze_lift_proposed_whole CHECK ((status IN ('lift_proposed', 'lifted')) = (lift_proposed_by IS NOT NULL)
        AND (lift_proposed_by IS NULL) = (lift_reason IS NULL)
        AND (lift_proposed_by IS NULL) = (lift_proposed_at IS NULL)),
    CONSTRAINT account_freeze_lifted_whole CHECK ((status = 'lifted') = (lifted_by IS NOT NULL)
        AND (lifted_by IS NULL) = (lifted_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX account_freeze_account ON account_freeze (account_id) WHERE status IN ('active', 'lift_proposed');
CREATE INDEX account_freeze_owner ON account_freeze (owner_id);
CREATE INDEX account_freeze_age ON account_freeze (made_at DESC, id DESC);

-- What moved on a day is read by time: by the night's watch and by reports. The table grows in that order.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX transfer_age ON transfer USING brin (made_at);

-- What the night looks for: each rule is a statement of its own, with these numbers. What a number says differs by
-- rule; null where a rule has no use for it.
CREATE TABLE suspicion_rule (
    code text PRIMARY KEY CONSTRAINT suspicion_rule_code CHECK (code IN (
        'passes_through', 'just_below', 'new_device', 'many_to_one')),
    name_vi text NOT NULL,
    name_en text NOT NULL,
    least_count integer,
    least_amount bigint,
    percent integer CONSTRAINT suspicion_rule_percent CHECK (percent BETWEEN 1 AND 100),
    hours integer CONSTRAINT suspicion_rule_hours CHECK (hours BETWEEN 1 AND 720),
    watched boolean NOT NULL DEFAULT true,
    changed_by uuid REFERENCES principal (id),
    changed_at timestamptz
);
INSERT INTO suspicion_rule (code, name_vi, name_en, least_count, least_amount, percent, hours) VALUES
    ('passes_through', 'Nhiều khoản nhỏ vào, ra gần hết trong ngày', 'Many small sums in, nearly all out on the same day',
        10, 50000000, 90, NULL),
    ('just_below', 'Nhiều khoản ngay dưới mức phải xác thực mạnh', 'Several sums just below what asks for a strong proof',
        3, NULL, 85, NULL),
    ('new_device', 'Chuyển số tiền lớn ra ngay sau khi dùng thiết bị mới', 'Much money out soon after a new device',
        NULL, 50000000, NULL, 24),
    ('many_to_one', 'Nhiều người chuyển tiền cho một người', 'Many people pay one', 30, 30000000, NULL, NULL);

-- What the night found: a rule, an account and a day; ids and numbers only. Somebody looks at it, and reports it or not.
CREATE TABLE suspicious_case (
    id uuid PRIMARY KEY,
    rule_code text NOT NULL REFERENCES suspicion_rule (code),
    account_id uuid NOT NULL,
    day_on date NOT NULL,
    amount bigint NOT NULL,
    evidence jsonb NOT NULL,
    status text NOT NULL DEFAULT 'open' CONSTRAINT suspicious_case_status CHECK (
        status IN ('open', 'reported', 'dismissed')),
    finding text,
    reviewed_by uuid REFERENCES principal (id),
    reviewed_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT suspicious_case_once UNIQUE (day_on, rule_code, account_id),
    CONSTRAINT suspicious_case_reviewed_whole CHECK ((status = 'open') = (reviewed_by IS NULL)
        AND (reviewed_by IS NULL) = (reviewed_at IS NULL) AND (reviewed_by IS NULL) = (finding IS NULL))
);
CREATE INDEX suspicious_case_age ON suspicious_case (made_at DESC, id DESC);

-- A day that the night has looked at.
CREATE TABLE watched_day (
    day_on date PRIMARY KEY,
    cases integer NOT NULL,
    watched_at timestamptz NOT NULL DEFAULT city_now()
);

-- A file of the other side's about a day, held against our books. The same file again is the same reconciliation;
-- another one about the same day takes its place.
CREATE TABLE reconciliation (
    id uuid PRIMARY KEY,
    party text NOT NULL CONSTRAINT reconciliation_party CHECK (party ~ '^(gateway|bank|biller:[a-z0-9-]{2,40})$'),
    day_on date NOT NULL,
    version integer NOT NULL,
    digest bytea NOT NULL,
    lines integer NOT NULL,
    matched integer NOT NULL,
    missing_here integer NOT NULL,
    missing_there integer NOT NULL,
    differing integer NOT NULL,
    their_amount bigint NOT NULL,
    our_amount bigint NOT NULL,
    -- Null: the city fetched it by itself.
    made_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    superseded_at timestamptz,
    CONSTRAINT reconciliation_once UNIQUE (party, day_on, version)
);
CREATE UNIQUE INDEX reconciliation_latest ON reconciliation (party, day_on) WHERE superseded_at IS NULL;
CREATE INDEX reconciliation_age ON reconciliation (made_at DESC, id DESC);

-- What does not agree. `line`: of their file; `our_id`: of our payment, top-up, transfer or payout.
CREATE TABLE reconciliation_difference (
    id uuid PRIMARY KEY,
    reconciliation_id uuid NOT NULL REFERENCES reconciliation (id),
    kind text NOT NULL CONSTRAINT reconciliation_difference_kind CHECK (
        kind IN ('missing_here', 'missing_there', 'amount_differs')),
    side text NOT NULL CONSTRAINT reconciliation_difference_side CHECK (side IN ('in', 'out')),
    reference text NOT NULL,
    line integer,
    our_id uuid,
    their_amount bigint,
    our_amount bigint,
    detail text,
    closed_by uuid REFERENCES principal (id),
    closed_at timestamptz,
    note text,
    CONSTRAINT reconciliation_difference_whole CHECK ((kind = 'missing_there') = (line IS NULL)
        AND (line IS NULL) = (their_amount IS NULL)
        AND (kind = 'missing_here') = (our_id IS NULL) AND (our_id IS NULL) = (our_amount IS NULL)),
    CONSTRAINT reconciliation_difference_closed_whole CHECK ((closed_by IS NULL) = (closed_at IS NULL)
        AND (closed_by IS NULL) = (note IS NULL))
);
CREATE INDEX reconciliation_difference_of ON reconciliation_difference (reconciliation_id, id);
CREATE INDEX reconciliation_difference_open ON reconciliation_difference (reconciliation_id) WHERE closed_at IS NULL;

-- What all accounts of a kind hold together, as of the last look.
CREATE TABLE money_sum (
    kind text PRIMARY KEY,
    amount bigint NOT NULL,
    pending bigint NOT NULL,
    measured_at timestamptz NOT NULL
);

-- migrate:down
DROP TABLE money_sum, reconciliation_difference, reconciliation, watched_day, suspicious_case, suspicion_rule,
    account_freeze, dispute_note, dispute, refund;
DROP INDEX transfer_age;
DELETE FROM policy WHERE code IN ('refund.unlocked_above', 'dispute.within_days', 'dispute.trace_days', 'dispute.complaint_days',
    'compliance.large_value');
