-- migrate:up

-- What 0011 widened, in a transaction of its own that blocks nobody.
ALTER TABLE account VALIDATE CONSTRAINT account_kind;
ALTER TABLE transfer VALIDATE CONSTRAINT transfer_kind;
ALTER TABLE payment VALIDATE CONSTRAINT payment_refunded;
ALTER TABLE payment VALIDATE CONSTRAINT payment_counted;
ALTER TABLE biller VALIDATE CONSTRAINT biller_kind;
ALTER TABLE bill VALIDATE CONSTRAINT bill_status;
ALTER TABLE bill VALIDATE CONSTRAINT bill_paid_by_a_payment;

-- migrate:down
-- A validated constraint stays one: 0011 takes it away.
SELECT;
