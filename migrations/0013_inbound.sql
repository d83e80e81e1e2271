-- migrate:up

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- Cash at a counter: the most that one receipt may be of, and that one clerk may take on a day. It is in the books
    -- before anybody has counted it.
    ('cash.receipt_most', '2026-01-01', 50000000, NULL),
    ('cash.clerk_day_most', '2026-01-01', 200000000, NULL);

-- Money that came in at the bank, as somebody told us of it: one row per notice. The same transfer told by another
-- source, or again under another id, is a `duplicate`: no money is booked for it. `elsewhere`: on an account that is
-- not ours, so it is not in our books. `mistake`: two of finance found that the bank has not got it. What is matched goes
-- where its words say; all else waits in suspense. What no machine has told, one of finance proposes and another approves.
CREATE TABLE inbound_transfer (
    id uuid PRIMARY KEY,
    source text NOT NULL CONSTRAINT inbound_transfer_source CHECK (source IN ('sepay', 'casso', 'finance')),
    told_as text NOT NULL,
    account_number text NOT NULL,
    -- The bank's own name of the transfer; null: it was not told.
    bank_reference text,
    virtual_account text,
    amount bigint NOT NULL CONSTRAINT inbound_transfer_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    content text NOT NULL,
    sender_bank_bin text,
    sender_account text,
    sender_name text,
    occurred_at timestamptz NOT NULL,
    status text NOT NULL CONSTRAINT inbound_transfer_status CHECK (
        status IN ('proposed', 'refused', 'matched', 'suspense', 'duplicate', 'elsewhere', 'mistake')),
    matched_kind text CONSTRAINT inbound_transfer_matched_kind CHECK (
        matched_kind IN ('top_up', 'bill', 'order', 'merchant', 'inbound_transfer')),
    matched_id uuid,
    -- Of one that a member of finance tells of: why, and who agreed.
    note text,
    proposed_by uuid REFERENCES principal (id),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT inbound_transfer_second_pair_of_eyes CHECK (decided_by <> proposed_by OR status = 'refused'),
    CONSTRAINT inbound_transfer_told_once UNIQUE (source, told_as),
    CONSTRAINT inbound_transfer_matched_whole CHECK ((matched_kind IS NULL) = (matched_id IS NULL)
        AND (status IN ('matched', 'duplicate')) = (matched_kind IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX inbound_transfer_booked_once ON inbound_transfer (account_number, bank_reference, amount)
    WHERE status IN ('matched', 'suspense');
CREATE INDEX inbound_transfer_age ON inbound_transfer (made_at DESC, id DESC);
CREATE INDEX inbound_transfer_duplicates ON inbound_transfer (made_at) WHERE status IN ('duplicate', 'elsewhere');

-- Short codes that stand in the words of a bank transfer: made when somebody first asks for them.
CREATE TABLE bill_transfer_code (
    bill_id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT bill_transfer_code_form CHECK (code ~ '^HUB[0-9A-HJKMNP-TV-Z]{8}$'),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT bill_transfer_code_once UNIQUE (code)
);
CREATE TABLE order_transfer_code (
    order_id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT order_transfer_code_form CHECK (code ~ '^HUO[0-9A-HJKMNP-TV-Z]{8}$'),
    CONSTRAINT order_transfer_code_once UNIQUE (code)
);

-- What a merchant was paid from a bank's app, under the id of its transfer in the ledger: who sent it, and what of it
-- was sent back.
CREATE TABLE bank_taking (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL,
    order_id uuid,
    amount bigint NOT NULL CONSTRAINT bank_taking_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    sender_bank_bin text,
    sender_account text,
    sender_name text,
    content text NOT NULL,
    refunded bigint NOT NULL DEFAULT 0 CONSTRAINT bank_taking_refunded CHECK (refunded BETWEEN 0 AND amount),
    made_at timestamptz NOT NULL DEFAULT city_now()
) WITH (fillfactor = 80);
CREATE INDEX bank_taking_merchant ON bank_taking (merchant_id, made_at DESC, id DESC);

-- Money in suspense, with why it is there, until somebody has said whose it is. `resolving`: it is held for a biller or
-- a bank that has not answered yet, under `held_id`; a refusal opens it again.
CREATE TABLE suspense_item (
    id uuid PRIMARY KEY,
    source text NOT NULL CONSTRAINT suspense_item_source CHECK (source IN ('inbound_transfer', 'cash_receipt', 'top_up')),
    source_id uuid NOT NULL,
    amount bigint NOT NULL CONSTRAINT suspense_item_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    reason text NOT NULL CONSTRAINT suspense_item_reason CHECK (reason IN (
        'unmatched', 'no_reference', 'late', 'wrong_amount', 'already_paid', 'closed', 'asks_biller', 'biller_refused',
        'bank_refused')),
    status text NOT NULL CONSTRAINT suspense_item_status CHECK (status IN ('open', 'proposed', 'resolving', 'resolved')),
    held_id uuid,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    resolved_at timestamptz,
    CONSTRAINT suspense_item_once UNIQUE (source, source_id),
    CONSTRAINT suspense_item_pending_whole CHECK ((status = 'resolving') = (held_id IS NOT NULL)),
    CONSTRAINT suspense_item_resolved_whole CHECK ((status = 'resolved') = (resolved_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX suspense_item_age ON suspense_item (made_at DESC, id DESC);
CREATE INDEX suspense_item_waiting ON suspense_item (made_at DESC, id DESC) WHERE status <> 'resolved';
CREATE UNIQUE INDEX suspense_item_pending ON suspense_item (held_id) WHERE held_id IS NOT NULL;

-- Whose money it is, as one member of finance says and another agrees. Its id is that of the movement that follows.
CREATE TABLE suspense_resolution (
    id uuid PRIMARY KEY,
    suspense_item_id uuid NOT NULL REFERENCES suspense_item (id),
    kind text NOT NULL CONSTRAINT suspense_resolution_kind CHECK (
        kind IN ('top_up', 'bill', 'merchant', 'cash_close', 'return', 'gateway', 'reserve', 'mistake')),
    principal_id uuid,
    bill_id uuid,
    merchant_id uuid,
    cash_close_id uuid,
    bank_bin text,
    account_number text,
    account_name text,
    note text NOT NULL,
    status text NOT NULL DEFAULT 'proposed' CONSTRAINT suspense_resolution_status CHECK (
        status IN ('proposed', 'approved', 'refused', 'failed')),
    proposed_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    decided_by uuid REFERENCES principal (id),
    decided_at timestamptz,
    CONSTRAINT suspense_resolution_second_pair_of_eyes CHECK (status IN ('proposed', 'refused') OR decided_by <> proposed_by),
    CONSTRAINT suspense_resolution_decided_whole CHECK ((status = 'proposed') = (decided_by IS NULL)
        AND (status = 'proposed') = (decided_at IS NULL)),
    CONSTRAINT suspense_resolution_names_its_own CHECK ((kind = 'top_up') = (principal_id IS NOT NULL)
        AND (kind = 'bill') = (bill_id IS NOT NULL) AND (kind = 'merchant') = (merchant_id IS NOT NULL)
        AND (kind = 'cash_close') = (cash_close_id IS NOT NULL) AND (kind = 'return') = (bank_bin IS NOT NULL)
        AND (kind = 'return') = (account_number IS NOT NULL) AND (kind = 'return') = (account_name IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX suspense_resolution_one_proposed ON suspense_resolution (suspense_item_id) WHERE status = 'proposed';
CREATE INDEX suspense_resolution_item ON suspense_resolution (suspense_item_id, made_at DESC);

-- A counter's day: how many receipts it gave, and whether its drawer was counted.
CREATE TABLE cash_day (
    agency_code text NOT NULL REFERENCES agency (code),
    day_on date NOT NULL,
    receipts integer NOT NULL DEFAULT 0,
    closed_at timestamptz,
    PRIMARY KEY (agency_code, day_on)
) WITH (fillfactor = 80);

-- Cash that a clerk took, under the id of its movement in the ledger. `number` is on the paper.
CREATE TABLE cash_receipt (
    id uuid PRIMARY KEY,
    number text NOT NULL CONSTRAINT cash_receipt_number UNIQUE,
    agency_code text NOT NULL,
    day_on date NOT NULL,
    clerk_id uuid NOT NULL REFERENCES principal (id),
    kind text NOT NULL CONSTRAINT cash_receipt_kind CHECK (kind IN ('bill', 'top_up')),
    bill_id uuid,
    -- Whose wallet was topped up.
    principal_id uuid,
    amount bigint NOT NULL CONSTRAINT cash_receipt_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    payer_name text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    void_reason text,
    void_asked_by uuid REFERENCES principal (id),
    void_asked_at timestamptz,
    voided_by uuid REFERENCES principal (id),
    voided_at timestamptz,
    CONSTRAINT cash_receipt_of_its_day FOREIGN KEY (agency_code, day_on) REFERENCES cash_day (agency_code, day_on),
    CONSTRAINT cash_receipt_for_one CHECK ((kind = 'bill') = (bill_id IS NOT NULL)
        AND (kind = 'top_up') = (principal_id IS NOT NULL)),
    CONSTRAINT cash_receipt_void_asked_whole CHECK ((void_asked_by IS NULL) = (void_asked_at IS NULL)
        AND (void_asked_by IS NULL) = (void_reason IS NULL)),
    CONSTRAINT cash_receipt_voided_whole CHECK ((voided_by IS NULL) = (voided_at IS NULL)
        AND (voided_by IS NULL OR void_asked_by IS NOT NULL)),
    CONSTRAINT cash_receipt_second_pair_of_eyes CHECK (voided_by <> void_asked_by)
) WITH (fillfactor = 80);
CREATE INDEX cash_receipt_agency ON cash_receipt (agency_code, made_at DESC, id DESC);
CREATE INDEX cash_receipt_day ON cash_receipt (agency_code, day_on, made_at DESC, id DESC);
CREATE INDEX cash_receipt_clerk ON cash_receipt (clerk_id, day_on);
CREATE INDEX cash_receipt_principal ON cash_receipt (principal_id) WHERE principal_id IS NOT NULL;

-- The drawer at the end of its day: what should be in it, what was, and what the bank has got of it, perhaps in several
-- trips; never more than was counted.
CREATE TABLE cash_close (
    id uuid PRIMARY KEY,
    agency_code text NOT NULL,
    day_on date NOT NULL,
    expected_amount bigint NOT NULL CONSTRAINT cash_close_expected CHECK (expected_amount >= 0),
    counted_amount bigint NOT NULL CONSTRAINT cash_close_counted CHECK (counted_amount BETWEEN 0 AND 1000000000000),
    receipts integer NOT NULL,
    closed_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    deposited_amount bigint NOT NULL DEFAULT 0 CONSTRAINT cash_close_deposited CHECK (
        deposited_amount BETWEEN 0 AND counted_amount),
    CONSTRAINT cash_close_once UNIQUE (agency_code, day_on),
    CONSTRAINT cash_close_of_its_day FOREIGN KEY (agency_code, day_on) REFERENCES cash_day (agency_code, day_on)
) WITH (fillfactor = 80);
CREATE INDEX cash_close_agency ON cash_close (agency_code, made_at DESC, id DESC);

-- migrate:down
DROP TABLE cash_close, cash_receipt, cash_day, suspense_resolution, suspense_item, bank_taking, order_transfer_code,
    bill_transfer_code, inbound_transfer;
DELETE FROM policy WHERE code IN ('cash.receipt_most', 'cash.clerk_day_most');
