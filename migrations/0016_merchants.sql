-- migrate:up

-- `status_reason`: why finance suspended it. `wanted_…`: what its owner wants it to be from now on, until finance has
-- looked at that; whoever was looked at once does not become somebody else by themselves.
ALTER TABLE merchant
    ADD COLUMN status_reason text,
    ADD COLUMN status_changed_at timestamptz,
    ADD COLUMN wanted_name text,
    ADD COLUMN wanted_category_code text;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX merchant_age ON merchant (made_at DESC, id DESC);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX merchant_to_review ON merchant (made_at DESC, id DESC) WHERE status = 'pending' OR wanted_name IS NOT NULL;

-- What a shop was before it was something else: the category of its takings up to this version of its account, after
-- those of the row before. What comes later is of the category that stands at the shop. A fee is by the category of its
-- taking, so it is the same whenever it is asked for.
CREATE TABLE merchant_past_category (
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    to_version bigint NOT NULL,
    category_code text NOT NULL,
    PRIMARY KEY (merchant_id, to_version)
);

-- Somebody who works at the counter of a shop, with their own phone and account: invited by number, there once they
-- have accepted. `may_refund_up_to`: so many đồng a day, all their refunds together. Without a number: forgotten.
CREATE TABLE merchant_cashier (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    phone text,
    name text NOT NULL,
    may_refund_up_to bigint NOT NULL CONSTRAINT merchant_cashier_may_refund_up_to CHECK (
        may_refund_up_to BETWEEN 0 AND 1000000000000),
    principal_id uuid REFERENCES principal (id),
    invited_at timestamptz NOT NULL DEFAULT city_now(),
    expires_at timestamptz NOT NULL,
    accepted_at timestamptz,
    removed_at timestamptz,
    CONSTRAINT merchant_cashier_accepted_whole CHECK ((accepted_at IS NULL) = (principal_id IS NULL))
);
CREATE INDEX merchant_cashier_merchant ON merchant_cashier (merchant_id, invited_at);
CREATE UNIQUE INDEX merchant_cashier_one_of_a_number ON merchant_cashier (merchant_id, phone) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX merchant_cashier_one_of_a_person ON merchant_cashier (principal_id, merchant_id)
    WHERE removed_at IS NULL AND principal_id IS NOT NULL;
CREATE INDEX merchant_cashier_invitation ON merchant_cashier (phone) WHERE accepted_at IS NULL AND removed_at IS NULL;

-- Somebody's turn at a terminal. It holds the shop's takings there after `from_version` of the shop's account, up to
-- `to_version`: entries are counted in the order in which they were committed, so each is in one shift at the most.
CREATE TABLE merchant_shift (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    terminal_id uuid NOT NULL REFERENCES terminal (id),
    principal_id uuid NOT NULL,
    from_version bigint NOT NULL,
    to_version bigint,
    takings_count integer,
    takings_amount bigint,
    refunds_count integer,
    refunds_amount bigint,
    opened_at timestamptz NOT NULL DEFAULT city_now(),
    closed_at timestamptz,
    -- Null of a closed one: nobody closed it in time, and the city did.
    closed_by uuid,
    CONSTRAINT merchant_shift_closed_whole CHECK ((closed_at IS NOT NULL OR closed_by IS NULL)
        AND (closed_at IS NULL) = (to_version IS NULL) AND (closed_at IS NULL) = (takings_count IS NULL)
        AND (closed_at IS NULL) = (takings_amount IS NULL) AND (closed_at IS NULL) = (refunds_count IS NULL)
        AND (closed_at IS NULL) = (refunds_amount IS NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX merchant_shift_one_open ON merchant_shift (terminal_id) WHERE closed_at IS NULL;
CREATE INDEX merchant_shift_merchant ON merchant_shift (merchant_id, opened_at DESC, id DESC);
CREATE INDEX merchant_shift_open ON merchant_shift (opened_at) WHERE closed_at IS NULL;
CREATE INDEX merchant_shift_principal ON merchant_shift (principal_id, merchant_id);

-- Who may act for a shop at its counter: its owner, and whoever works there now.
CREATE FUNCTION acts_for_merchant(shop uuid, who uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM merchant WHERE id = shop AND owner_id = who)
        OR EXISTS (SELECT FROM merchant_cashier
            WHERE merchant_id = shop AND principal_id = who AND removed_at IS NULL)
$$;

-- Who may see a line of a shop's account, at this terminal: its owner, and whoever worked there while it came in and
-- works there still.
CREATE FUNCTION sees_merchant_line(shop uuid, who uuid, at_terminal uuid, number bigint) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM merchant WHERE id = shop AND owner_id = who)
        OR acts_for_merchant(shop, who) AND EXISTS (SELECT FROM merchant_shift
            WHERE principal_id = who AND merchant_id = shop AND terminal_id = at_terminal
                AND number > from_version AND (to_version IS NULL OR number <= to_version))
$$;

-- What a shop took in, line by line: from wallets, from any bank's app, and what it gave back of these (below zero).
-- Each look-up is by key (`OFFSET 0`), so that a page costs what it shows. Read it by merchant and version.
CREATE VIEW merchant_line AS
SELECT entry.account_id AS merchant_id, entry.version, transfer.id, transfer.kind, entry.amount,
    coalesce(payment.payer_name, regexp_replace(bank_taking.sender_name, '(\S)\S*(?=\s)', '\1***', 'g')) AS payer,
    terminal.id AS terminal_id, terminal.name AS terminal, merchant_order.id AS order_id, merchant_order.reference,
    CASE WHEN transfer.kind = 'taking' THEN bank_taking.content ELSE transfer.memo END AS memo,
    CASE WHEN transfer.kind = 'refund' THEN subject.id END AS original_id, entry.balance_after, transfer.made_at
FROM entry
JOIN LATERAL (SELECT * FROM transfer WHERE id = entry.transfer_id OFFSET 0) AS transfer ON true
-- A refund to a bank is a hold that was captured: the hold says what it gives back.
LEFT JOIN LATERAL (SELECT original_id FROM hold
    WHERE transfer.kind = 'refund' AND id = transfer.original_id OFFSET 0) AS hold ON true
CROSS JOIN LATERAL (SELECT CASE WHEN transfer.kind = 'refund' THEN coalesce(hold.original_id, transfer.original_id)
    ELSE transfer.id END AS id) AS subject
LEFT JOIN LATERAL (SELECT * FROM payment WHERE id = subject.id OFFSET 0) AS payment ON true
LEFT JOIN LATERAL (SELECT * FROM bank_taking WHERE id = subject.id OFFSET 0) AS bank_taking ON true
LEFT JOIN LATERAL (SELECT * FROM merchant_order
    WHERE id = coalesce(payment.order_id, bank_taking.order_id) OFFSET 0) AS merchant_order ON true
LEFT JOIN LATERAL (SELECT * FROM terminal
    WHERE id = coalesce(payment.terminal_id, merchant_order.terminal_id) OFFSET 0) AS terminal ON true
WHERE transfer.kind IN ('merchant', 'taking', 'refund');

-- migrate:down
DROP VIEW merchant_line;
DROP FUNCTION sees_merchant_line, acts_for_merchant;
DROP TABLE merchant_shift, merchant_cashier, merchant_past_category;
DROP INDEX merchant_age, merchant_to_review;
ALTER TABLE merchant DROP COLUMN status_reason, DROP COLUMN status_changed_at, DROP COLUMN wanted_name,
    DROP COLUMN wanted_category_code;
