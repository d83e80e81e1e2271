-- migrate:up

-- A text as it is compared in a search: small plain letters, so that "cho dong ba" finds "Chợ Đông Ba". Letters come apart
-- from their marks (NFD), the marks of Vietnamese are dropped, and đ, which has none, is named.
CREATE FUNCTION plain_text(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(translate(normalize(words, NFD), U&'\0110\0111\0300\0301\0302\0303\0306\0309\031B\0323', 'dd'))
$$;

-- The running numbers of receipts for what is paid into the budget: a series of each kind and year, without gaps,
-- because the row is locked until the number stands.
CREATE TABLE fee_receipt_counter (
    series text NOT NULL CONSTRAINT fee_receipt_counter_series CHECK (series IN ('PLP', 'TP')),
    year integer NOT NULL CONSTRAINT fee_receipt_counter_year CHECK (year BETWEEN 2020 AND 9999),
    last_number integer NOT NULL CONSTRAINT fee_receipt_counter_last_number CHECK (last_number >= 1),
    PRIMARY KEY (series, year)
);

-- PLP: phí, lệ phí (fees of public services). TP: tiền phạt (fines). A number is given when the bill is paid, and is
-- never given again, whatever becomes of the payment.
CREATE TABLE fee_receipt_number (
    payment_id uuid PRIMARY KEY,
    series text NOT NULL,
    year integer NOT NULL,
    number integer NOT NULL,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    CONSTRAINT fee_receipt_number_once UNIQUE (series, year, number),
    CONSTRAINT fee_receipt_number_counter FOREIGN KEY (series, year) REFERENCES fee_receipt_counter (series, year)
);

-- migrate:down
DROP TABLE fee_receipt_number, fee_receipt_counter;
DROP FUNCTION plain_text;
