-- migrate:up

INSERT INTO policy (code, effective_from, value, sandbox_value) VALUES
    -- Withdrawals: the least and the most at once (a fast transfer between banks stays below 500 million), and whether
    -- money goes to an account in the person's own name only.
    ('withdrawal.least', '2026-01-01', 10000, NULL),
    ('withdrawal.most', '2026-01-01', 499999999, NULL),
    ('withdrawal.own_name_only', '2026-01-01', 1, 0),
    -- What goes by a fast transfer between banks; more goes by the interbank route, which takes its time.
    ('payout.fast_most', '2026-01-01', 499999999, NULL),
    -- Settlements by night below this amount wait for another day; and for so many hours nothing is paid to a bank
    -- account that took the place of another.
    ('settlement.least', '2026-01-01', 10000, NULL),
    ('settlement.bank_change_hours', '2026-01-01', 24, 0);

-- Banks to which money can be sent, by the number that NAPAS gave them (the BIN of a VietQR).
CREATE TABLE bank (
    bin text PRIMARY KEY CONSTRAINT bank_bin CHECK (bin ~ '^[0-9]{6}$'),
    code text NOT NULL CONSTRAINT bank_code UNIQUE,
    short_name text NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    open boolean NOT NULL DEFAULT true
);
INSERT INTO bank (bin, code, short_name, name_vi, name_en) VALUES
    ('970405', 'VBA', 'Agribank', 'Ngân hàng Nông nghiệp và Phát triển Nông thôn Việt Nam', 'Vietnam Bank for Agriculture and Rural Development'),
    ('970415', 'ICB', 'VietinBank', 'Ngân hàng TMCP Công Thương Việt Nam', 'Vietnam Joint Stock Commercial Bank for Industry and Trade'),
    ('970418', 'BIDV', 'BIDV', 'Ngân hàng TMCP Đầu tư và Phát triển Việt Nam', 'Joint Stock Commercial Bank for Investment and Development of Vietnam'),
    ('970436', 'VCB', 'Vietcombank', 'Ngân hàng TMCP Ngoại thương Việt Nam', 'Joint Stock Commercial Bank for Foreign Trade of Vietnam'),
    ('970407', 'TCB', 'Techcombank', 'Ngân hàng TMCP Kỹ thương Việt Nam', 'Vietnam Technological and Commercial Joint Stock Bank'),
    ('970422', 'MB', 'MB Bank', 'Ngân hàng TMCP Quân đội', 'Military Commercial Joint Stock Bank'),
    ('970416', 'ACB', 'ACB', 'Ngân hàng TMCP Á Châu', 'Asia Commercial Joint Stock Bank'),
    ('970432', 'VPB', 'VPBank', 'Ngân hàng TMCP Việt Nam Thịnh Vượng', 'Vietnam Prosperity Joint Stock Commercial Bank'),
    ('970423', 'TPB', 'TPBank', 'Ngân hàng TMCP Tiên Phong', 'Tien Phong Commercial Joint Stock Bank'),
    ('970403', 'STB', 'Sacombank', 'Ngân hàng TMCP Sài Gòn Thương Tín', 'Saigon Thuong Tin Commercial Joint Stock Bank'),
    ('970437', 'HDB', 'HDBank', 'Ngân hàng TMCP Phát triển Thành phố Hồ Chí Minh', 'Ho Chi Minh City Development Joint Stock Commercial Bank'),
    ('970441', 'VIB', 'VIB', 'Ngân hàng TMCP Quốc tế Việt Nam', 'Vietnam International Commercial Joint Stock Bank'),
    ('970443', 'SHB', 'SHB', 'Ngân hàng TMCP Sài Gòn - Hà Nội', 'Saigon - Hanoi Commercial Joint Stock Bank'),
    ('970431', 'EIB', 'Eximbank', 'Ngân hàng TMCP Xuất Nhập khẩu Việt Nam', 'Vietnam Export Import Commercial Joint Stock Bank'),
    ('970426', 'MSB', 'MSB', 'Ngân hàng TMCP Hàng Hải Việt Nam', 'Vietnam Maritime Commercial Joint Stock Bank'),
    ('970448', 'OCB', 'OCB', 'Ngân hàng TMCP Phương Đông', 'Orient Commercial Joint Stock Bank'),
    ('970440', 'SEAB', 'SeABank', 'Ngân hàng TMCP Đông Nam Á', 'Southeast Asia Commercial Joint Stock Bank'),
    ('970449', 'LPB', 'LPBank', 'Ngân hàng TMCP Lộc Phát Việt Nam', 'Fortune Vietnam Joint Stock Commercial Bank'),
    ('970409', 'BAB', 'Bac A Bank', 'Ngân hàng TMCP Bắc Á', 'Bac A Commercial Joint Stock Bank'),
    ('970412', 'PVCB', 'PVcomBank', 'Ngân hàng TMCP Đại Chúng Việt Nam', 'Vietnam Public Joint Stock Commercial Bank'),
    ('970425', 'ABB', 'ABBANK', 'Ngân hàng TMCP An Bình', 'An Binh Commercial Joint Stock Bank'),
    ('970427', 'VAB', 'VietABank', 'Ngân hàng TMCP Việt Á', 'Vietnam Asia Commercial Joint Stock Bank'),
    ('970428', 'NAB', 'Nam A Bank', 'Ngân hàng TMCP Nam Á', 'Nam A Commercial Joint Stock Bank'),
    ('970429', 'SCB', 'SCB', 'Ngân hàng TMCP Sài Gòn', 'Sai Gon Joint Stock Commercial Bank'),
    ('970430', 'PGB', 'PGBank', 'Ngân hàng TMCP Thịnh vượng và Phát triển', 'Prosperity and Growth Commercial Joint Stock Bank'),
    ('970433', 'VIETBANK', 'VietBank', 'Ngân hàng TMCP Việt Nam Thương Tín', 'Vietnam Thuong Tin Commercial Joint Stock Bank'),
    ('970438', 'BVB', 'BaoViet Bank', 'Ngân hàng TMCP Bảo Việt', 'Bao Viet Joint Stock Commercial Bank'),
    ('970400', 'SGICB', 'Saigonbank', 'Ngân hàng TMCP Sài Gòn Công Thương', 'Saigon Bank for Industry and Trade'),
    ('970419', 'NCB', 'NCB', 'Ngân hàng TMCP Quốc Dân', 'National Citizen Commercial Joint Stock Bank'),
    ('970452', 'KLB', 'KienlongBank', 'Ngân hàng TMCP Kiên Long', 'Kien Long Commercial Joint Stock Bank'),
    ('970454', 'VCCB', 'BVBank', 'Ngân hàng TMCP Bản Việt', 'Viet Capital Commercial Joint Stock Bank'),
    ('970446', 'COOPBANK', 'Co-opBank', 'Ngân hàng Hợp tác xã Việt Nam', 'Co-operative Bank of Vietnam'),
    ('970424', 'SHBVN', 'Shinhan Bank', 'Ngân hàng TNHH MTV Shinhan Việt Nam', 'Shinhan Bank Vietnam Limited'),
    ('970457', 'WVN', 'Woori Bank', 'Ngân hàng TNHH MTV Woori Việt Nam', 'Woori Bank Vietnam Limited'),
    ('970458', 'UOB', 'UOB', 'Ngân hàng TNHH MTV United Overseas Bank Việt Nam', 'United Overseas Bank (Vietnam) Limited'),
    ('970434', 'IVB', 'Indovina Bank', 'Ngân hàng TNHH Indovina', 'Indovina Bank Limited'),
    ('970439', 'PBVN', 'Public Bank', 'Ngân hàng TNHH MTV Public Việt Nam', 'Public Bank Vietnam Limited'),
    ('970421', 'VRB', 'VRB', 'Ngân hàng Liên doanh Việt - Nga', 'Vietnam - Russia Joint Venture Bank'),
    ('546034', 'CAKE', 'CAKE', 'Ngân hàng số CAKE by VPBank', 'CAKE digital bank by VPBank'),
    ('546035', 'UBANK', 'Ubank', 'Ngân hàng số Ubank by VPBank', 'Ubank digital bank by VPBank');

-- Money on its way to an account at a bank. The money is held under the same id until the bank has said what became of
-- it: ready, the bank was not asked yet; sending, somebody asks it now; unknown, it was asked and has not decided, or
-- nobody heard it. Paid and refused are final.
CREATE TABLE payout (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT payout_kind CHECK (
        kind IN ('withdrawal', 'settlement', 'refund', 'return', 'remittance')),
    debit_account_id uuid NOT NULL,
    -- The resident or the owner of the shop whose money it is; null: nobody's, or a biller's.
    principal_id uuid,
    bank_bin text NOT NULL REFERENCES bank (bin),
    account_number text NOT NULL CONSTRAINT payout_account_number CHECK (account_number ~ '^[0-9A-Z]{4,24}$'),
    account_name text NOT NULL CONSTRAINT payout_account_name CHECK (account_name <> ''),
    amount bigint NOT NULL CONSTRAINT payout_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    content text NOT NULL,
    -- Chosen when the bank is first told of it: the same again must be the same.
    route text CONSTRAINT payout_route CHECK (route IN ('fast', 'interbank')),
    status text NOT NULL DEFAULT 'ready' CONSTRAINT payout_status CHECK (
        status IN ('ready', 'sending', 'unknown', 'paid', 'refused')),
    reason text CONSTRAINT payout_reason CHECK (reason IN (
        'account_unknown', 'account_closed', 'name_differs', 'bank_unreachable', 'other')),
    bank_reference text,
    -- How often somebody asked the bank; when the transfer was last sent to it; when somebody should look again.
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    next_at timestamptz NOT NULL DEFAULT city_now(),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    resolved_at timestamptz,
    CONSTRAINT payout_refused_for_a_reason CHECK ((status = 'refused') = (reason IS NOT NULL)),
    CONSTRAINT payout_resolved_whole CHECK ((status IN ('paid', 'refused')) = (resolved_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX payout_open ON payout (next_at) WHERE status IN ('ready', 'sending', 'unknown');
CREATE INDEX payout_withdrawals ON payout (principal_id, made_at DESC, id DESC) WHERE kind = 'withdrawal';
CREATE INDEX payout_age ON payout (made_at DESC, id DESC);

-- What finance found out by itself about money (a payout, a payment of a bill, a top-up) of which the bank, the biller or
-- the gateway says nothing: one writes it down, another looks again and approves; then it is its end.
CREATE TABLE finding (
    noun text NOT NULL CONSTRAINT finding_noun CHECK (noun IN ('payout', 'biller_call', 'top_up')),
    movement_id uuid NOT NULL,
    status text NOT NULL CONSTRAINT finding_status CHECK (status IN ('paid', 'refused')),
    reference text,
    note text NOT NULL,
    found_by uuid NOT NULL REFERENCES principal (id),
    found_at timestamptz NOT NULL DEFAULT city_now(),
    approved_by uuid REFERENCES principal (id),
    approved_at timestamptz,
    PRIMARY KEY (noun, movement_id),
    CONSTRAINT finding_approved_whole CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT finding_second_pair_of_eyes CHECK (approved_by <> found_by),
    CONSTRAINT finding_paid_has_reference CHECK (status = 'refused' OR reference IS NOT NULL)
);

-- Where a merchant's money goes. Not before `usable_from`: whoever steals a shop's phone must wait, and be seen.
CREATE TABLE merchant_bank_account (
    merchant_id uuid PRIMARY KEY REFERENCES merchant (id),
    bank_bin text NOT NULL REFERENCES bank (bin),
    account_number text NOT NULL CONSTRAINT merchant_bank_account_number CHECK (account_number ~ '^[0-9A-Z]{4,24}$'),
    account_name text NOT NULL,
    usable_from timestamptz NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT city_now()
);

-- What the city takes of a taking: basis points of it and a fixed part, together at most `most`. The merchant's own rule
-- comes before its category's, that before the one for all; of these the last that held at the end of the day.
CREATE TABLE fee_rule (
    id uuid PRIMARY KEY,
    merchant_id uuid REFERENCES merchant (id),
    category_code text CONSTRAINT fee_rule_category_code CHECK (category_code ~ '^[0-9]{4}$'),
    basis_points integer NOT NULL CONSTRAINT fee_rule_basis_points CHECK (basis_points BETWEEN 0 AND 1000),
    fixed bigint NOT NULL CONSTRAINT fee_rule_fixed CHECK (fixed BETWEEN 0 AND 100000),
    most bigint CONSTRAINT fee_rule_most CHECK (most BETWEEN 0 AND 1000000000000),
    effective_from timestamptz NOT NULL,
    proposed_by uuid REFERENCES principal (id),
    approved_by uuid REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    approved_at timestamptz,
    CONSTRAINT fee_rule_for_one_or_a_kind CHECK (merchant_id IS NULL OR category_code IS NULL),
    CONSTRAINT fee_rule_approved_whole CHECK (approved_by IS NULL OR approved_at IS NOT NULL),
    CONSTRAINT fee_rule_second_pair_of_eyes CHECK (approved_by <> proposed_by)
);
CREATE INDEX fee_rule_merchant ON fee_rule (merchant_id, effective_from DESC) WHERE merchant_id IS NOT NULL;
CREATE INDEX fee_rule_category ON fee_rule (category_code, effective_from DESC) WHERE category_code IS NOT NULL;
INSERT INTO fee_rule (id, basis_points, fixed, effective_from, approved_at) VALUES
    ('00000000-0000-7000-8000-0000000000fe', 0, 0, '2026-01-01', '2026-01-01');

-- A merchant's takings of a day (or of a part of it, when its owner asked), closed and on their way to its bank. The
-- lines are those of its account after `from_version`, up to `to_version`. Closed books are never opened again: opening
-- + takings - refunds + others - fee - amount = closing, which the next one opens with.
CREATE TABLE settlement (
    id uuid PRIMARY KEY,
    merchant_id uuid NOT NULL REFERENCES merchant (id),
    settled_on date NOT NULL,
    run integer NOT NULL CONSTRAINT settlement_run CHECK (run BETWEEN 0 AND 100),
    from_version bigint NOT NULL,
    to_version bigint NOT NULL,
    opening bigint NOT NULL,
    takings bigint NOT NULL,
    takings_count integer NOT NULL,
    refunds bigint NOT NULL,
    refunds_count integer NOT NULL,
    others bigint NOT NULL,
    fee bigint NOT NULL CONSTRAINT settlement_fee CHECK (fee >= 0),
    amount bigint NOT NULL CONSTRAINT settlement_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    closing bigint NOT NULL,
    status text NOT NULL DEFAULT 'sent' CONSTRAINT settlement_status CHECK (status IN ('sent', 'paid', 'failed')),
    reason text,
    payout_id uuid NOT NULL,
    tries integer NOT NULL DEFAULT 1,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    resolved_at timestamptz,
    CONSTRAINT settlement_once UNIQUE (merchant_id, settled_on, run),
    CONSTRAINT settlement_versions CHECK (from_version <= to_version),
    CONSTRAINT settlement_adds_up CHECK (opening + takings - refunds + others - fee - amount = closing),
    CONSTRAINT settlement_resolved_whole CHECK ((status = 'sent') = (resolved_at IS NULL)),
    CONSTRAINT settlement_failed_for_a_reason CHECK ((status = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX settlement_lines ON settlement (merchant_id, to_version DESC);
CREATE UNIQUE INDEX settlement_payout ON settlement (payout_id);
CREATE INDEX settlement_merchant ON settlement (merchant_id, made_at DESC, id DESC);

-- Where a biller's money goes: the account that was approved last.
CREATE TABLE biller_bank_account (
    id uuid PRIMARY KEY,
    biller_code text NOT NULL REFERENCES biller (code),
    bank_bin text NOT NULL REFERENCES bank (bin),
    account_number text NOT NULL CONSTRAINT biller_bank_account_number CHECK (account_number ~ '^[0-9A-Z]{4,24}$'),
    account_name text NOT NULL,
    proposed_by uuid NOT NULL REFERENCES principal (id),
    made_at timestamptz NOT NULL DEFAULT city_now(),
    approved_by uuid REFERENCES principal (id),
    approved_at timestamptz,
    CONSTRAINT biller_bank_account_approved_whole CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT biller_bank_account_second_pair_of_eyes CHECK (approved_by <> proposed_by)
);
CREATE INDEX biller_bank_account_biller ON biller_bank_account (biller_code, approved_at DESC);

-- What was collected for a biller up to the end of a day, sent to its bank. What the bank refuses stays in the biller's
-- account, and goes with another night's.
CREATE TABLE remittance (
    id uuid PRIMARY KEY,
    biller_code text NOT NULL REFERENCES biller (code),
    remitted_on date NOT NULL,
    amount bigint NOT NULL CONSTRAINT remittance_amount CHECK (amount BETWEEN 1 AND 1000000000000),
    status text NOT NULL DEFAULT 'sent' CONSTRAINT remittance_status CHECK (status IN ('sent', 'paid', 'failed')),
    reason text,
    made_at timestamptz NOT NULL DEFAULT city_now(),
    resolved_at timestamptz,
    CONSTRAINT remittance_once UNIQUE (biller_code, remitted_on),
    CONSTRAINT remittance_resolved_whole CHECK ((status = 'sent') = (resolved_at IS NULL)),
    CONSTRAINT remittance_failed_for_a_reason CHECK ((status = 'failed') = (reason IS NOT NULL))
);
CREATE INDEX remittance_age ON remittance (made_at DESC, id DESC);

-- A day that was ended by the city's clock: merchants settle, billers are remitted to.
CREATE TABLE settlement_day (
    day_on date PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT city_now()
);

-- migrate:down
DROP TABLE settlement_day, remittance, biller_bank_account, settlement, fee_rule, merchant_bank_account, finding, payout, bank;
DELETE FROM policy WHERE code IN ('withdrawal.least', 'withdrawal.most', 'withdrawal.own_name_only', 'settlement.least',
    'settlement.bank_change_hours', 'payout.fast_most');
