-- name: lock_dossier
-- A dossier, locked until the transaction ends; the one that it was made out of is locked before it.
WITH parent AS MATERIALIZED (
    SELECT id FROM dossier WHERE id = (SELECT parent_id FROM dossier WHERE id = $1) FOR NO KEY UPDATE
)
SELECT dossier.id, code, portal_code, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, channel, agency_code,
    parent_id, owner_id, filed_by, delegation_id, applicant_kind, applicant_name, form, deliver_by, state, state_vi, state_en,
    national_status, clock, outcome, version, desk_agency, desk_role, department_vi, department_en, assignee_id, accepted_at, started_at,
    first_due_at, due_at, stopped_at, extended_at, finished_at, payment_state, fee_amount, bill_id, delivery_state, rating,
    (SELECT state FROM dossier_result WHERE dossier_id = dossier.id) AS result_state
FROM (SELECT count(*) AS parents FROM parent) AS locked CROSS JOIN dossier
WHERE dossier.id = $1
FOR NO KEY UPDATE OF dossier;

-- name: deals_with
-- Has somebody ($1) at an agency ($2) this procedure ($3) on their desk? Whose desk is not written down has all of them.
SELECT NOT EXISTS (SELECT FROM dossier_desk WHERE principal_id = $1 AND agency_code = $2 AND cardinality(procedures) > 0
    AND NOT $3 = ANY (procedures));

-- name: people_at_desk
-- Who has one of the roles ($2) at an agency ($1), and this procedure ($3) on their desk.
SELECT coalesce(array_agg(DISTINCT active_grant.principal_id), '{}')
FROM active_grant
LEFT JOIN dossier_desk ON dossier_desk.principal_id = active_grant.principal_id AND dossier_desk.agency_code = active_grant.agency_code
WHERE active_grant.agency_code = $1 AND role = ANY ($2::text[])
    AND (coalesce(cardinality(procedures), 0) = 0 OR $3 = ANY (procedures));

-- name: has_desk
-- Has somebody ($1) a role ($3) at an agency ($2), and this procedure ($4) on their desk?
SELECT EXISTS (SELECT FROM active_grant WHERE principal_id = $1 AND agency_code = $2 AND role = $3)
    AND NOT EXISTS (SELECT FROM dossier_desk WHERE principal_id = $1 AND agency_code = $2 AND cardinality(procedures) > 0
        AND NOT $4 = ANY (procedures));

-- name: is_my_event
-- Is there a step of it that I ($2) made by the very same request ($3)?
SELECT EXISTS (SELECT FROM dossier_event WHERE dossier_id = $1 AND actor_id = $2 AND wanted_hash = $3);

-- name: is_event_of_agencies
-- The same ($1, $2, $3) of somebody who still works where it was done ($4).
SELECT EXISTS (SELECT FROM dossier_event WHERE dossier_id = $1 AND actor_id = $2 AND wanted_hash = $3 AND agency_code = ANY ($4::text[]));

-- name: is_action_taken
-- Is there a step of this id?
SELECT EXISTS (SELECT FROM dossier_event WHERE action_id = $1);

-- name: latest_actor
-- Who did last what was done.
SELECT (SELECT name FROM principal WHERE id = actor_id) AS actor_name
FROM dossier_event WHERE dossier_id = $1 ORDER BY version DESC LIMIT 1;

-- name: move_dossier
-- A dossier at its next place, as its next version. Finished is what is done, whether or not it has been fetched.
UPDATE dossier SET state = $2, state_vi = $3, state_en = $4, national_status = $5, percent = $6, clock = $7, outcome = $8,
    desk_agency = $9, desk_role = $10, department_vi = $11, department_en = $12, assignee_id = $13, step_due_at = $14,
    step_overdue_at = NULL, version = version + 1, updated_at = city_now(),
    stopped_at = CASE WHEN $7::text = 'pause' THEN coalesce(stopped_at, city_now()) END,
    finished_at = CASE WHEN $5::integer IN (9, 10) THEN coalesce(finished_at, city_now()) ELSE finished_at END,
    ended_at = CASE WHEN $8::text IS NOT NULL THEN coalesce(ended_at, city_now()) END,
    delivery_state = CASE WHEN $5::integer = 10 THEN 'delivered' WHEN $5::integer = 9 AND delivery_state = 'none' THEN 'ready'
        ELSE delivery_state END
WHERE id = $1;

-- name: next_version
-- Something was done to it where it is.
UPDATE dossier SET version = version + 1, updated_at = city_now() WHERE id = $1;

-- name: record_event
-- What was done, as the dossier's version that it made.
INSERT INTO dossier_event (dossier_id, version, action, action_id, from_state, to_state, name_vi, name_en, national_status, actor_id,
    by, agency_code, department_vi, department_en, note, note_for_applicant, due_at, wanted_hash)
SELECT $1, version, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, coalesce($16::timestamptz, step_due_at), $17
FROM dossier WHERE id = $1;

-- name: begin_clock
-- Its deadline runs from here ($2); what was asked for meanwhile has come.
UPDATE dossier SET started_at = $2, first_due_at = $3, due_at = $3, statutory_due_at = $4, warn_at = $5, warned_at = NULL,
    overdue_at = NULL, accepted_at = coalesce(accepted_at, city_now())
WHERE id = $1;

-- name: count_restart
-- How often its deadline was begun anew.
UPDATE dossier SET restarted = restarted + 1 WHERE id = $1;

-- name: go_on_clock
-- It stood still, and what was left is left.
UPDATE dossier SET due_at = $2, first_due_at = $3, warn_at = $4, warned_at = CASE WHEN $4 <= city_now() THEN warned_at END
WHERE id = $1;

-- name: extend_dossier
-- Its one new date.
UPDATE dossier SET due_at = $2, warn_at = $3, extended_at = city_now(), warned_at = NULL, overdue_at = NULL WHERE id = $1;

-- name: warn_dossiers
-- What is due soon and nobody was warned of, at most so many; they count as warned.
UPDATE dossier SET warned_at = city_now() WHERE id IN (
    SELECT id FROM dossier WHERE is_open AND clock = 'run' AND warned_at IS NULL AND finished_at IS NULL AND warn_at <= city_now()
    ORDER BY warn_at, id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, code, procedure_code, procedure_vi, procedure_en, agency_code, desk_agency, desk_role, assignee_id, state_vi, state_en, due_at;

-- name: flag_dossiers
-- What is late and nobody was told of, at most so many; they count as late from now on.
UPDATE dossier SET overdue_at = city_now(), warned_at = coalesce(warned_at, city_now()) WHERE id IN (
    SELECT id FROM dossier WHERE is_open AND clock = 'run' AND overdue_at IS NULL AND finished_at IS NULL AND due_at < city_now()
    ORDER BY due_at, id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, code, procedure_code, procedure_vi, procedure_en, agency_code, desk_agency, desk_role, assignee_id, state_vi, state_en, due_at;

-- name: flag_steps
-- At which desk a turn is over, at most so many.
UPDATE dossier SET step_overdue_at = city_now() WHERE id IN (
    SELECT id FROM dossier WHERE is_open AND step_overdue_at IS NULL AND finished_at IS NULL AND step_due_at < city_now()
    ORDER BY step_due_at, id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, code, procedure_code, procedure_vi, procedure_en, agency_code, desk_agency, desk_role, assignee_id, state_vi, state_en,
    step_due_at AS due_at;

-- name: forget_drafts
-- Drafts that are so many days old, at most so many, with what they say.
WITH old AS (
    SELECT id FROM dossier WHERE state = 'draft' AND made_at < city_now() - make_interval(days => $1::bigint::int)
    ORDER BY made_at LIMIT $2 FOR UPDATE SKIP LOCKED
), papers AS (
    DELETE FROM dossier_paper WHERE dossier_id IN (SELECT id FROM old) RETURNING 1
), gone AS (
    DELETE FROM dossier WHERE id IN (SELECT id FROM old) AND (SELECT count(*) FROM papers) >= 0 RETURNING 1
)
SELECT count(*) FROM gone;

-- Filing

-- name: take_dossier_turn
-- Whoever files waits until what they are filing on another connection is there, or is not.
SELECT pg_advisory_xact_lock(hashtextextended('dossier ' || $1, 0));

-- name: drafts_of
-- How many drafts somebody has.
SELECT count(*) FROM dossier WHERE owner_id = $1 AND state = 'draft';

-- name: agency_for_filing
-- Where a dossier may be filed, and what became of it.
SELECT level, receives AND valid_to_on IS NULL AS receives, merged_into, ward_code IS NOT NULL AS is_ward
FROM dossier_agency JOIN agency ON code = agency_code WHERE agency_code = $1;

-- name: person
-- Who I am.
SELECT name, phone FROM principal WHERE id = $1;

-- name: resident_by_name
-- The resident with this number ($1) who goes by this very name ($2).
SELECT id FROM principal WHERE kind = 'resident' AND closed_at IS NULL AND phone = $1 AND plain_text(name) = plain_text($2);

-- name: is_there
-- Is there such a dossier?
SELECT EXISTS (SELECT FROM dossier WHERE id = $1);

-- name: clear_draft
-- A draft is written anew: its papers are those that are given now.
DELETE FROM dossier_paper WHERE dossier_id = $1;

-- name: write_dossier
-- A draft, or what one says now.
INSERT INTO dossier (id, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code,
    level, parent_id, owner_id, filed_by, delegation_id, applicant_kind, applicant_name, applicant_number, applicant_phone,
    applicant_email, form, deliver_by, address, portal_code)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
ON CONFLICT (id) DO UPDATE SET procedure_code = excluded.procedure_code, procedure_version = excluded.procedure_version,
    procedure_vi = excluded.procedure_vi, procedure_en = excluded.procedure_en, case_code = excluded.case_code,
    field_code = excluded.field_code, channel = excluded.channel, agency_code = excluded.agency_code, level = excluded.level,
    delegation_id = excluded.delegation_id, applicant_kind = excluded.applicant_kind, applicant_name = excluded.applicant_name,
    applicant_number = excluded.applicant_number, applicant_phone = excluded.applicant_phone,
    applicant_email = excluded.applicant_email, form = excluded.form, deliver_by = excluded.deliver_by, address = excluded.address,
    updated_at = city_now()
WHERE dossier.state = 'draft';

-- name: write_child
-- A dossier that is made out of another ($11): its owner and applicant are that one's.
INSERT INTO dossier (id, pin, procedure_code, procedure_version, procedure_vi, procedure_en, case_code, field_code, channel, agency_code,
    level, parent_id, owner_id, filed_by, delegation_id, applicant_kind, applicant_name, applicant_number, applicant_phone,
    applicant_email, form, deliver_by, address, parent_version)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, channel, $9, $10, id, owner_id, filed_by, delegation_id, applicant_kind, applicant_name,
    applicant_number, applicant_phone, applicant_email, $12, deliver_by, address, version
FROM dossier WHERE id = $11;

-- name: mark_submitted
-- It is filed now.
UPDATE dossier SET submitted_at = city_now() WHERE id = $1;

-- name: drop_draft
-- A draft with its papers.
WITH papers AS (
    DELETE FROM dossier_paper WHERE dossier_id = $1 RETURNING 1
)
DELETE FROM dossier WHERE id = $1 AND (SELECT count(*) FROM papers) >= 0;

-- name: count_dossier
-- One dossier more at an agency ($1) on a day ($2): its national code and the number. The counter stays locked.
WITH counted AS (
    INSERT INTO dossier_counter (agency_code, day_on, last) VALUES ($1, $2, 1)
    ON CONFLICT (agency_code, day_on) DO UPDATE SET last = dossier_counter.last + 1
    RETURNING last
)
SELECT national_code, last FROM counted, dossier_agency WHERE agency_code = $1;

-- name: give_code
-- Its code, at the start of its flow ($3). The dates follow in the same transaction.
UPDATE dossier SET code = $2, state = $3, accepted_at = city_now(), started_at = city_now(), first_due_at = city_now(), due_at = city_now()
WHERE id = $1;

-- name: confirm_delegation
-- A clerk ($2) has seen the proof; null: it holds no more.
UPDATE dossier_delegation SET confirmed_by = coalesce(confirmed_by, $2), confirmed_at = coalesce(confirmed_at, city_now())
WHERE id = $1 AND revoked_at IS NULL AND (valid_until IS NULL OR valid_until > city_now()) RETURNING id;

-- Fees

-- name: owe_fee
-- What is to be paid for it.
UPDATE dossier SET payment_state = 'later', fee_amount = $2 WHERE id = $1;

-- name: biller_of
-- The wallet's biller of an agency's fees.
SELECT biller_code FROM dossier_agency WHERE agency_code = $1;

-- name: fee_is_due
-- The bill for it.
UPDATE dossier SET payment_state = 'due', bill_id = $2 WHERE id = $1;

-- name: drop_fee
-- Nobody need pay for it any more.
UPDATE dossier SET payment_state = 'dropped' WHERE id = $1;

-- name: dossiers_of_bills
-- The dossiers of bills.
SELECT id, bill_id FROM dossier WHERE bill_id = ANY ($1::uuid[]);

-- name: pay_fee
-- It is paid, once.
UPDATE dossier SET payment_state = 'paid', payment_id = $2, paid_at = $3 WHERE id = $1 AND payment_state IN ('due', 'dropped')
RETURNING id;

-- Flow

-- name: ask_supplement
-- Papers ($4) are asked for, and why.
INSERT INTO dossier_supplement (id, dossier_id, note, papers, asked_by) VALUES ($1, $2, $3, $4, $5);

-- name: open_supplement
-- What is asked for now.
SELECT id, papers, asked_at FROM dossier_supplement WHERE dossier_id = $1 AND given_at IS NULL;

-- name: give_supplement
-- It has come, under the phone's id ($2).
UPDATE dossier_supplement SET given_id = $2, given_at = city_now(), words = $3 WHERE id = $1;

-- name: correct_form
-- The form as it is now.
UPDATE dossier SET form = $2 WHERE id = $1;

-- name: make_result
-- What came out; the name of whoever signs is written down as it is now.
INSERT INTO dossier_result (id, dossier_id, code, number, title_vi, title_en, body, signer_id, signer_name, agency_code, electronic)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, coalesce(name, '?'), $9, $10 FROM principal WHERE id = $8;

-- name: revoke_unsigned
-- A dossier that ended otherwise ($2: how) has no result: what is not signed yet never is.
UPDATE dossier_result SET state = 'revoked', revoked_at = city_now(), revoke_reason = $2 WHERE dossier_id = $1 AND state = 'made';

-- name: post_result
-- The post has taken it, once.
UPDATE dossier SET delivery_state = 'posted', tracking_number = $2, updated_at = city_now()
WHERE id = $1 AND delivery_state = 'ready' RETURNING id;

-- name: rate_dossier
-- How it was.
UPDATE dossier SET rating = $2, rating_comment = $3, rated_at = city_now() WHERE id = $1;

-- name: children_of
-- What was made out of a dossier, the last time.
SELECT id, outcome FROM dossier
WHERE parent_id = $1 AND parent_version = (SELECT max(parent_version) FROM dossier WHERE parent_id = $1)
ORDER BY id;

-- name: rehome_dossier
-- It is another agency's now, and so is its desk if it was there.
UPDATE dossier SET agency_code = dossier_agency.agency_code, level = dossier_agency.level,
    desk_agency = CASE WHEN desk_agency = dossier.agency_code THEN dossier_agency.agency_code ELSE desk_agency END,
    assignee_id = NULL
FROM dossier_agency
WHERE id = $1 AND dossier_agency.agency_code = $2 AND valid_to_on IS NULL
RETURNING id;

-- name: dossiers_to_rehome
-- Open dossiers of agencies that were merged, with where these went.
SELECT id, merged_into AS agency FROM dossier_agency JOIN dossier USING (agency_code)
WHERE merged_into IS NOT NULL AND is_open
ORDER BY turn_at, id LIMIT $1;

-- name: agency_now
-- What became of an agency: itself, or into which it was merged in the end.
WITH RECURSIVE way AS (
    SELECT $1::text AS code, 1 AS step
    UNION ALL
    SELECT merged_into, step + 1 FROM way JOIN dossier_agency ON agency_code = way.code WHERE merged_into IS NOT NULL AND step < 50
)
SELECT code FROM way ORDER BY step DESC LIMIT 1;

-- name: desks_to_rehome
-- Open dossiers that lie at a desk of an agency that was merged, while they are another's.
SELECT id FROM dossier_agency CROSS JOIN unnest(ARRAY['clerk', 'agency_officer', 'agency_head']) AS role
JOIN dossier ON desk = dossier_agency.agency_code || '/' || role
WHERE dossier_agency.merged_into IS NOT NULL AND is_open AND dossier.agency_code <> dossier_agency.agency_code
ORDER BY turn_at, id LIMIT $1;

-- name: rehome_desk
-- Its desk is where the consulted agency ($2) went.
UPDATE dossier SET desk_agency = $2, assignee_id = NULL WHERE id = $1;

-- name: agencies_of_dossiers
-- One ($1), or all of the agencies (null), in a language ($2).
SELECT agency_code AS agency, CASE $2::text WHEN 'en' THEN name_en ELSE name_vi END AS name, national_code, level, parent_code AS parent,
    receives, valid_from_on, valid_to_on, merged_into,
    (SELECT count(*) FROM dossier WHERE dossier.agency_code = dossier_agency.agency_code AND is_open) AS open
FROM dossier_agency JOIN agency ON code = agency_code
WHERE $1::text IS NULL OR agency_code = $1
ORDER BY national_code;

-- name: lock_agencies
-- These wait for whoever merges one of them.
SELECT agency_code FROM dossier_agency WHERE agency_code = ANY ($1::text[]) ORDER BY agency_code FOR NO KEY UPDATE;

-- name: merge_agency
-- From today on an agency ($1) is a part of another ($2), which is none that was merged.
UPDATE dossier_agency SET merged_into = $2, valid_to_on = (city_now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, receives = false
WHERE agency_code = $1 AND agency_code <> $2
    AND EXISTS (SELECT FROM dossier_agency WHERE agency_code = $2 AND merged_into IS NULL AND valid_to_on IS NULL)
RETURNING agency_code;

-- name: works_there
-- Has somebody a role there?
SELECT EXISTS (SELECT FROM active_grant WHERE principal_id = $1 AND agency_code = $2)
    AND EXISTS (SELECT FROM dossier_agency WHERE agency_code = $2);

-- name: put_desk
-- Which procedures somebody deals with at an agency.
INSERT INTO dossier_desk (principal_id, agency_code, procedures, made_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (principal_id, agency_code) DO UPDATE SET procedures = excluded.procedures, made_by = excluded.made_by, made_at = city_now();

-- Papers

-- name: store_paper
-- An upload as a paper of its owner's; the same again is the same.
INSERT INTO stored_paper (id, owner_id, kind, name_vi, name_en, upload_id, reusable) VALUES ($1, $2, $3, $4, $5, $1, $6)
ON CONFLICT (id) DO NOTHING;

-- name: stored_of_mine
-- Which of these are mine, and of which kind.
SELECT id, kind FROM stored_paper WHERE id = ANY ($1::uuid[]) AND owner_id = $2 AND dropped_at IS NULL
    AND NOT EXISTS (SELECT FROM dossier_result WHERE dossier_result.id = result_id AND state = 'revoked');

-- name: add_paper
-- A paper more, behind the others, at most so many ($8); the same stored one is there once.
INSERT INTO dossier_paper (dossier_id, position, paper_code, kind, copies, stored_paper_id, supplement_id, from_staff)
SELECT $1, coalesce(max(position), 0) + 1, $2, $3, $4, $5, $6, $7 FROM dossier_paper WHERE dossier_id = $1
HAVING count(*) < $8
ON CONFLICT (dossier_id, stored_paper_id) DO NOTHING;

-- name: share_papers
-- A child's ($3) papers of a code ($4) are those of its parent's ($1) of another ($2).
INSERT INTO dossier_paper (dossier_id, position, paper_code, kind, copies, stored_paper_id)
SELECT $3, (SELECT coalesce(max(position), 0) FROM dossier_paper WHERE dossier_id = $3) + row_number() OVER (ORDER BY position), $4, kind,
    copies, stored_paper_id
FROM dossier_paper WHERE dossier_id = $1 AND paper_code = $2 AND NOT from_staff
ON CONFLICT DO NOTHING;

-- name: papers_there
-- The codes of what a dossier has.
SELECT coalesce(array_agg(DISTINCT paper_code), '{}') FROM dossier_paper WHERE dossier_id = $1 AND NOT from_staff;

-- name: papers_of_supplement
-- The codes of what came with a supplement.
SELECT coalesce(array_agg(DISTINCT paper_code), '{}') FROM dossier_paper WHERE dossier_id = $1 AND supplement_id = $2;

-- name: stored_papers
-- Somebody's own papers, newest first, from ($2, $3) on, in a language ($5).
SELECT stored_paper.id, kind, CASE $5::text WHEN 'en' THEN name_en ELSE name_vi END AS name, media_type, upload.size,
    (SELECT dossier.code FROM dossier_result JOIN dossier ON dossier.id = dossier_id WHERE dossier_result.id = result_id) AS from_dossier,
    stored_paper.made_at
FROM stored_paper LEFT JOIN upload ON upload.id = upload_id
WHERE stored_paper.owner_id = $1 AND reusable AND dropped_at IS NULL
    AND NOT EXISTS (SELECT FROM dossier_result WHERE dossier_result.id = result_id AND state = 'revoked')
    AND ($2::timestamptz IS NULL OR (stored_paper.made_at, stored_paper.id) < ($2, $3::uuid))
ORDER BY stored_paper.made_at DESC, stored_paper.id DESC LIMIT $4;

-- name: drop_stored_paper
-- It is offered no more.
UPDATE stored_paper SET dropped_at = coalesce(dropped_at, city_now()) WHERE id = $1 AND owner_id = $2 RETURNING id;

-- name: my_stored_file
-- The file of a paper of mine.
SELECT upload_id, kind AS name FROM stored_paper WHERE id = $1 AND owner_id = $2 AND dropped_at IS NULL;

-- name: file_of_dossier
-- The file of a dossier's paper; it may be what once came out of another dossier.
SELECT stored_paper.upload_id, paper_code AS name, storage_key
FROM dossier_paper JOIN stored_paper ON stored_paper.id = stored_paper_id LEFT JOIN dossier_result ON dossier_result.id = result_id
WHERE dossier_paper.dossier_id = $1 AND stored_paper_id = $2;

-- Delegations

-- name: delegation
-- One of somebody's.
SELECT id, kind, name, tax_code, personal_number, relation, proof_upload_id, valid_until, made_at, confirmed_at, revoked_at
FROM dossier_delegation WHERE id = $1 AND owner_id = $2;

-- name: my_delegations
-- All of somebody's, newest first.
SELECT id, kind, name, tax_code, personal_number, relation, proof_upload_id, valid_until, made_at, confirmed_at, revoked_at
FROM dossier_delegation WHERE owner_id = $1 ORDER BY made_at DESC, id DESC LIMIT 50;

-- name: delegations_of
-- How many somebody has that hold.
SELECT count(*) FROM dossier_delegation WHERE owner_id = $1 AND revoked_at IS NULL;

-- name: put_delegation
-- For whom somebody acts.
INSERT INTO dossier_delegation (id, owner_id, kind, name, tax_code, personal_number, relation, proof_upload_id, valid_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: revoke_delegation
-- It holds no more.
UPDATE dossier_delegation SET revoked_at = coalesce(revoked_at, city_now()) WHERE id = $1 AND owner_id = $2 RETURNING id;

-- Looking up

-- name: known_dossier
-- An accepted dossier by its code, or by the portal's.
SELECT id, $1::text AS code, pin, percent FROM dossier WHERE (code = $1 OR portal_code = $1) AND state <> 'draft';

-- name: found_dossier
-- What whoever has the receipt may see of a dossier, under the code that they gave ($2), in a language ($3).
SELECT $2::text AS code, percent, CASE $3::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
    CASE $3::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency_name,
    CASE $3::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name, national_status, accepted_at, first_due_at, due_at,
    (SELECT jsonb_agg(jsonb_build_object('version', event.version, 'action', action,
            'name', CASE $3::text WHEN 'en' THEN event.name_en ELSE event.name_vi END, 'state', to_state,
            'national_status', event.national_status, 'by', by, 'note', NULL,
            'agency', (SELECT CASE $3::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = event.agency_code),
            'department', CASE $3::text WHEN 'en' THEN event.department_en ELSE event.department_vi END,
            'due_at', event.due_at, 'made_at', event.made_at) ORDER BY event.version)
        FROM dossier_event AS event WHERE dossier_id = dossier.id) AS steps
FROM dossier JOIN agency ON agency.code = agency_code WHERE dossier.id = $1;

-- Showing

-- name: my_dossiers
-- Somebody's dossiers, newest first, from ($2, $3) on, in a language ($5). What was made out of another is with that one.
SELECT dossier.id, dossier.code, procedure_code AS procedure,
    CASE $5::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
    CASE $5::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency_name, applicant_name, state,
    CASE $5::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name, national_status, percent, due_at,
    is_open AND clock = 'run' AND finished_at IS NULL AND due_at < city_now() IS TRUE AS overdue, payment_state AS payment,
    EXISTS (SELECT FROM dossier_supplement WHERE dossier_id = dossier.id AND given_at IS NULL) AND is_open AS asked, outcome, made_at
FROM dossier JOIN agency ON agency.code = agency_code
WHERE owner_id = $1 AND parent_id IS NULL AND ($2::timestamptz IS NULL OR (made_at, dossier.id) < ($2, $3::uuid))
ORDER BY made_at DESC, dossier.id DESC LIMIT $4;

-- name: my_dossier
-- A dossier as its owner ($2) sees it, whole, in one round trip, in a language ($3).
SELECT dossier.id, dossier.code, portal_code, CASE WHEN accepted_at IS NOT NULL THEN pin END AS pin, dossier.procedure_code AS procedure,
    procedure_version, CASE $3::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name, case_code AS case,
    coalesce((SELECT one -> 'name' ->> $3::text FROM jsonb_array_elements(definition -> 'cases') AS one WHERE one ->> 'code' = case_code),
        case_code) AS case_name,
    channel, agency_code AS agency, CASE $3::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency_name,
    applicant_kind, applicant_name, applicant_number, delegation_id, form, deliver_by, address, delivery_state AS delivery,
    tracking_number, state, CASE $3::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name, national_status, percent, clock,
    outcome, dossier.version, CASE $3::text WHEN 'en' THEN department_en ELSE department_vi END AS department, dossier.made_at,
    submitted_at, accepted_at, first_due_at, due_at, finished_at, ended_at, extended_at IS NOT NULL AS extended,
    is_open AND clock = 'run' AND finished_at IS NULL AND (due_at < city_now()) IS TRUE AS overdue,
    jsonb_build_object('state', payment_state, 'amount', fee_amount, 'bill_id', bill_id, 'paid_at', paid_at,
        'biller', CASE WHEN bill_id IS NOT NULL THEN (SELECT biller_code FROM dossier_agency WHERE agency_code = agency.code) END,
        'reference', CASE WHEN bill_id IS NOT NULL THEN coalesce(dossier.code, portal_code) END) AS fee,
    (SELECT jsonb_build_object('id', id, 'note', note, 'papers', papers, 'asked_at', asked_at, 'given_at', given_at, 'words', words)
        FROM dossier_supplement WHERE dossier_id = dossier.id AND given_at IS NULL AND is_open) AS supplement,
    coalesce((SELECT jsonb_agg(jsonb_build_object('position', paper.position, 'paper', paper_code,
            'name', coalesce((SELECT one -> 'name' ->> $3::text FROM jsonb_array_elements(definition -> 'papers') AS one
                WHERE one ->> 'code' = paper_code), CASE $3::text WHEN 'en' THEN stored.name_en ELSE stored.name_vi END, paper_code),
            'kind', paper.kind, 'copies', copies, 'stored_paper_id', stored_paper_id, 'supplement_id', supplement_id,
            'from_staff', from_staff, 'made_at', paper.made_at) ORDER BY paper.position)
        FROM dossier_paper AS paper LEFT JOIN stored_paper AS stored ON stored.id = stored_paper_id
        WHERE dossier_id = dossier.id AND NOT from_staff), '[]') AS papers,
    coalesce((SELECT jsonb_agg(jsonb_build_object('version', event.version, 'action', action,
            'name', CASE $3::text WHEN 'en' THEN event.name_en ELSE event.name_vi END, 'state', to_state,
            'national_status', event.national_status, 'by', by, 'note', CASE WHEN note_for_applicant THEN note END,
            'agency', (SELECT CASE $3::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = event.agency_code),
            'department', CASE $3::text WHEN 'en' THEN event.department_en ELSE event.department_vi END,
            'due_at', event.due_at, 'made_at', event.made_at) ORDER BY event.version)
        FROM dossier_event AS event WHERE dossier_id = dossier.id), '[]') AS timeline,
    (SELECT jsonb_build_object('code', code, 'number', number, 'title', CASE $3::text WHEN 'en' THEN title_en ELSE title_vi END,
            'state', dossier_result.state, 'electronic', electronic, 'signed_at', signed_at,
            'link', CASE WHEN dossier_result.state = 'signed' AND payment_state NOT IN ('later', 'due') AND electronic
                THEN '/v1/dossiers/' || dossier.id || '/result' END)
        FROM dossier_result WHERE dossier_id = dossier.id) AS result,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', child.id, 'code', child.code, 'procedure', child.procedure_code,
            'procedure_name', CASE $3::text WHEN 'en' THEN child.procedure_en ELSE child.procedure_vi END, 'agency', child.agency_code,
            'agency_name', (SELECT CASE $3::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = child.agency_code),
            'state_name', CASE $3::text WHEN 'en' THEN child.state_en ELSE child.state_vi END,
            'national_status', child.national_status, 'percent', child.percent, 'due_at', child.due_at, 'outcome', child.outcome)
            ORDER BY child.made_at, child.id)
        FROM dossier AS child WHERE child.parent_id = dossier.id), '[]') AS children,
    rating, rating_comment,
    array_remove(ARRAY[
        CASE WHEN state = 'draft' THEN 'submit' END,
        CASE WHEN is_open AND EXISTS (SELECT FROM dossier_supplement WHERE dossier_id = dossier.id AND given_at IS NULL)
            THEN 'supplement' END,
        CASE WHEN payment_state = 'due' THEN 'pay' END,
        CASE WHEN is_open AND parent_id IS NULL AND coalesce(national_status, 0) < 9
            AND NOT EXISTS (SELECT FROM dossier_result WHERE dossier_id = dossier.id)
            AND (accepted_at IS NULL OR coalesce((definition #>> '{flow,may_withdraw}')::boolean, true)) THEN 'withdraw' END,
        CASE WHEN outcome IS NOT NULL AND outcome <> 'withdrawn' THEN 'rate' END], NULL) AS may
FROM dossier
JOIN agency ON agency.code = agency_code
JOIN procedure_version ON procedure_version.procedure_code = dossier.procedure_code AND procedure_version.version = procedure_version
WHERE dossier.id = $1 AND owner_id = $2;

-- name: staff_dossier
-- A dossier as those who deal with it see it, whole, in one round trip, in a language ($2).
SELECT dossier.id, dossier.code, portal_code, dossier.procedure_code AS procedure, procedure_version,
    CASE $2::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name, case_code AS case,
    coalesce((SELECT one -> 'name' ->> $2::text FROM jsonb_array_elements(definition -> 'cases') AS one WHERE one ->> 'code' = case_code),
        case_code) AS case_name,
    channel, agency_code AS agency, CASE $2::text WHEN 'en' THEN agency.name_en ELSE agency.name_vi END AS agency_name, parent_id,
    (SELECT code FROM dossier AS parent WHERE parent.id = dossier.parent_id) AS parent_code,
    applicant_kind, applicant_name, applicant_number, applicant_phone, applicant_email,
    (SELECT to_jsonb(one) FROM (SELECT id, kind, name, tax_code, personal_number, relation, proof_upload_id, valid_until, made_at,
            confirmed_at, revoked_at FROM dossier_delegation WHERE id = delegation_id) AS one) AS delegation,
    form, deliver_by, address, delivery_state AS delivery, tracking_number, state,
    CASE $2::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name, national_status, percent, clock, outcome, dossier.version,
    desk_agency, desk_role, CASE $2::text WHEN 'en' THEN department_en ELSE department_vi END AS department, assignee_id,
    (SELECT name FROM principal WHERE id = assignee_id) AS assignee_name, dossier.made_at, submitted_at, accepted_at, first_due_at,
    due_at, step_due_at, finished_at, ended_at, extended_at IS NOT NULL AS extended,
    is_open AND clock = 'run' AND finished_at IS NULL AND (due_at < city_now()) IS TRUE AS overdue,
    jsonb_build_object('state', payment_state, 'amount', fee_amount, 'bill_id', bill_id, 'paid_at', paid_at,
        'biller', CASE WHEN bill_id IS NOT NULL THEN (SELECT biller_code FROM dossier_agency WHERE agency_code = agency.code) END,
        'reference', CASE WHEN bill_id IS NOT NULL THEN coalesce(dossier.code, portal_code) END) AS fee,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', id, 'note', note, 'papers', papers, 'asked_at', asked_at,
            'given_at', given_at, 'words', words) ORDER BY asked_at)
        FROM dossier_supplement WHERE dossier_id = dossier.id), '[]') AS supplements,
    coalesce((SELECT jsonb_agg(jsonb_build_object('position', paper.position, 'paper', paper_code,
            'name', coalesce((SELECT one -> 'name' ->> $2::text FROM jsonb_array_elements(definition -> 'papers') AS one
                WHERE one ->> 'code' = paper_code), CASE $2::text WHEN 'en' THEN stored.name_en ELSE stored.name_vi END, paper_code),
            'kind', paper.kind, 'copies', copies, 'stored_paper_id', stored_paper_id, 'supplement_id', supplement_id,
            'from_staff', from_staff, 'made_at', paper.made_at) ORDER BY paper.position)
        FROM dossier_paper AS paper LEFT JOIN stored_paper AS stored ON stored.id = stored_paper_id
        WHERE dossier_id = dossier.id), '[]') AS papers,
    coalesce((SELECT jsonb_agg(jsonb_build_object('version', event.version, 'action', action,
            'name', CASE $2::text WHEN 'en' THEN event.name_en ELSE event.name_vi END, 'state', to_state,
            'national_status', event.national_status, 'by', by, 'note', note, 'note_for_applicant', note_for_applicant,
            'actor_name', CASE WHEN by = 'staff' THEN (SELECT name FROM principal WHERE id = actor_id) END,
            'agency', (SELECT CASE $2::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = event.agency_code),
            'department', CASE $2::text WHEN 'en' THEN event.department_en ELSE event.department_vi END,
            'due_at', event.due_at, 'made_at', event.made_at) ORDER BY event.version)
        FROM dossier_event AS event WHERE dossier_id = dossier.id), '[]') AS timeline,
    (SELECT jsonb_build_object('code', code, 'number', number, 'title', CASE $2::text WHEN 'en' THEN title_en ELSE title_vi END,
            'state', dossier_result.state, 'electronic', electronic, 'signed_at', signed_at,
            'link', CASE WHEN dossier_result.state = 'signed' AND electronic THEN '/v1/staff/dossiers/' || dossier.id || '/result' END)
        FROM dossier_result WHERE dossier_id = dossier.id) AS result,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', child.id, 'code', child.code, 'procedure', child.procedure_code,
            'procedure_name', CASE $2::text WHEN 'en' THEN child.procedure_en ELSE child.procedure_vi END, 'agency', child.agency_code,
            'agency_name', (SELECT CASE $2::text WHEN 'en' THEN name_en ELSE name_vi END FROM agency WHERE code = child.agency_code),
            'state_name', CASE $2::text WHEN 'en' THEN child.state_en ELSE child.state_vi END,
            'national_status', child.national_status, 'percent', child.percent, 'due_at', child.due_at, 'outcome', child.outcome)
            ORDER BY child.made_at, child.id)
        FROM dossier AS child WHERE child.parent_id = dossier.id), '[]') AS children,
    rating, rating_comment
FROM dossier
JOIN agency ON agency.code = agency_code
JOIN procedure_version ON procedure_version.procedure_code = dossier.procedure_code AND procedure_version.version = procedure_version
WHERE dossier.id = $1;

-- Queues

-- name: dossiers_of_mine
-- What is given to somebody ($1) who still works there ($9), whose turn is over first comes first: of a procedure ($2), in a state ($3), by code or
-- name ($4), from ($5, $6) on, in a language ($8).
SELECT id, code, procedure_code AS procedure, CASE $8::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
    agency_code AS agency, applicant_name, channel, state, CASE $8::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name,
    national_status, version, desk_role, assignee_id, turn_at, due_at, step_due_at,
    clock = 'run' AND finished_at IS NULL AND (due_at < city_now()) IS TRUE AS overdue, submitted_at
FROM dossier
WHERE is_open AND assignee_id = $1 AND desk_agency = ANY ($9::text[]) AND ($2::text IS NULL OR procedure_code = $2) AND ($3::text IS NULL OR state = $3)
    AND ($4::text IS NULL OR code = upper($4) OR plain_text(applicant_name) LIKE '%' || plain_text($4) || '%')
    AND ($5::timestamptz IS NULL OR (turn_at, id) > ($5, $6::uuid))
ORDER BY turn_at, id LIMIT $7;

-- name: dossiers_at_desks
-- The same of desks ($1), each by its index, but for procedures that are not on the desk of whoever asks ($9): these are
-- keys of an object, since a list would be gone through for each dossier.
WITH mine AS MATERIALIZED (
    SELECT wanted.desk, (SELECT jsonb_object_agg(code, true) FROM unnest(procedures) AS code) AS procedures
    FROM unnest($1::text[]) AS wanted (desk)
    LEFT JOIN dossier_desk ON principal_id = $9 AND dossier_desk.agency_code = split_part(wanted.desk, '/', 1)
)
SELECT line.* FROM mine
CROSS JOIN LATERAL (
    SELECT id, code, procedure_code AS procedure, CASE $8::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
        dossier.agency_code AS agency, applicant_name, channel, state,
        CASE $8::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name,
        national_status, version, desk_role, assignee_id, turn_at, due_at, step_due_at,
        clock = 'run' AND finished_at IS NULL AND (due_at < city_now()) IS TRUE AS overdue, submitted_at
    FROM dossier
    WHERE is_open AND dossier.desk = mine.desk AND (mine.procedures IS NULL OR mine.procedures ? procedure_code)
        AND ($2::text IS NULL OR procedure_code = $2) AND ($3::text IS NULL OR state = $3)
        AND ($4::text IS NULL OR code = upper($4) OR plain_text(applicant_name) LIKE '%' || plain_text($4) || '%')
        AND ($5::timestamptz IS NULL OR (turn_at, id) > ($5, $6::uuid))
    ORDER BY turn_at, id LIMIT $7
) AS line
ORDER BY turn_at, id LIMIT $7;

-- name: dossiers_to_fetch
-- What is done and waits at counters of agencies ($1) to be fetched, the longest first.
SELECT line.* FROM unnest($1::text[]) AS mine (agency)
CROSS JOIN LATERAL (
    SELECT id, code, procedure_code AS procedure, CASE $8::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
        agency_code AS agency, applicant_name, channel, state, CASE $8::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name,
        national_status, version, desk_role, assignee_id, finished_at AS turn_at, due_at, step_due_at, false AS overdue, submitted_at
    FROM dossier
    WHERE agency_code = mine.agency AND delivery_state = 'ready' AND deliver_by = 'counter' AND outcome = 'done'
        AND ($2::text IS NULL OR procedure_code = $2) AND ($3::text IS NULL OR state = $3)
        AND ($4::text IS NULL OR code = upper($4) OR plain_text(applicant_name) LIKE '%' || plain_text($4) || '%')
        AND ($5::timestamptz IS NULL OR (finished_at, id) > ($5, $6::uuid))
    ORDER BY finished_at, id LIMIT $7
) AS line
ORDER BY turn_at, id LIMIT $7;

-- name: dossiers_by_due
-- What is late ($9), or due within so many days ($10), at agencies ($1).
SELECT line.* FROM unnest($1::text[]) AS mine (agency)
CROSS JOIN LATERAL (
    SELECT id, code, procedure_code AS procedure, CASE $8::text WHEN 'en' THEN procedure_en ELSE procedure_vi END AS procedure_name,
        agency_code AS agency, applicant_name, channel, state, CASE $8::text WHEN 'en' THEN state_en ELSE state_vi END AS state_name,
        national_status, version, desk_role, assignee_id, turn_at, due_at, step_due_at, due_at < city_now() AS overdue, submitted_at
    FROM dossier
    WHERE is_open AND agency_code = mine.agency AND clock = 'run' AND finished_at IS NULL
        AND CASE WHEN $9::boolean THEN due_at < city_now()
            ELSE due_at >= city_now() AND due_at < city_now() + make_interval(days => $10::bigint::int) END
        AND ($2::text IS NULL OR procedure_code = $2) AND ($3::text IS NULL OR state = $3)
        AND ($4::text IS NULL OR code = upper($4) OR plain_text(applicant_name) LIKE '%' || plain_text($4) || '%')
        AND ($5::timestamptz IS NULL OR (turn_at, id) > ($5, $6::uuid))
    ORDER BY turn_at, id LIMIT $7
) AS line
ORDER BY turn_at, id LIMIT $7;

-- What is held of a person

-- name: drafts_of_person
-- Drafts of somebody's.
SELECT id, procedure_code, applicant_name, form, made_at FROM dossier WHERE owner_id = $1 AND state = 'draft' ORDER BY made_at;

-- name: erase_drafts
-- Drafts go, with the list of their papers.
WITH papers AS (
    DELETE FROM dossier_paper WHERE dossier_id IN (SELECT id FROM dossier WHERE owner_id = $1 AND state = 'draft') RETURNING 1
)
DELETE FROM dossier WHERE owner_id = $1 AND state = 'draft' AND (SELECT count(*) FROM papers) >= 0;

-- name: dossiers_of_person
-- What somebody filed, with its steps, and for whom they act.
SELECT 'dossier' AS part, to_jsonb(one) AS data FROM (
    SELECT id, code, procedure_vi, applicant_name, applicant_number, applicant_phone, applicant_email, form, address, state_vi, made_at,
        submitted_at, accepted_at, due_at, ended_at, rating, rating_comment
    FROM dossier WHERE owner_id = $1 AND state <> 'draft') AS one
UNION ALL
SELECT 'step', to_jsonb(one) FROM (
    SELECT dossier_id, dossier_event.version, name_vi, CASE WHEN note_for_applicant THEN note END AS note, dossier_event.made_at
    FROM dossier_event JOIN dossier ON dossier.id = dossier_id WHERE owner_id = $1) AS one
UNION ALL
SELECT 'delegation', to_jsonb(one) FROM (
    SELECT kind, name, tax_code, personal_number, relation, valid_until, made_at, revoked_at FROM dossier_delegation
    WHERE owner_id = $1) AS one;

-- name: papers_of_person
-- Papers that somebody keeps here.
SELECT id, kind, name_vi, upload_id, made_at FROM stored_paper WHERE owner_id = $1 AND dropped_at IS NULL ORDER BY made_at;

-- name: erase_papers
-- They are nobody's any more; those that are in no dossier are offered to nobody.
UPDATE stored_paper SET owner_id = NULL, dropped_at = coalesce(dropped_at, city_now()) WHERE owner_id = $1;

-- name: dossier_work_of_member
-- What a member of staff did, and what is on their desk.
SELECT 'step' AS part, dossier_id::text AS subject, name_vi AS what, made_at FROM dossier_event WHERE actor_id = $1 AND by = 'staff'
UNION ALL
SELECT 'desk', agency_code, array_to_string(procedures, ', '), made_at FROM dossier_desk WHERE principal_id = $1
UNION ALL
SELECT 'assigned', id::text, procedure_vi, updated_at FROM dossier WHERE assignee_id = $1;

-- The sandbox's seed

-- name: plant_officer
-- Somebody ($1) with a role at an agency.
WITH made AS (
    INSERT INTO principal (id, kind, name) VALUES ($1, 'staff', $2) ON CONFLICT (id) DO NOTHING
)
INSERT INTO role_grant (principal_id, agency_code, role) VALUES ($1, $3, $4) ON CONFLICT DO NOTHING;

-- name: plant_applicant
-- A resident of the great city.
INSERT INTO principal (id, kind, phone, name) VALUES ($1, 'resident', $2, $3) ON CONFLICT (id) DO NOTHING;

-- name: has_dossier
-- Is it told already?
SELECT EXISTS (SELECT FROM dossier WHERE id = $1);

-- name: level_of
-- At which level it is dealt with.
SELECT level FROM dossier WHERE id = $1;

-- name: fee_of
-- What is to be paid for it now.
SELECT bill_id, fee_amount AS amount FROM dossier WHERE id = $1 AND payment_state = 'due';

-- name: dates_of
-- When it was accepted, and when it is due.
SELECT accepted_at, due_at FROM dossier WHERE id = $1;

-- name: state_of
-- Where it is.
SELECT state FROM dossier WHERE id = $1;

-- name: owner_of
-- Whose it is.
SELECT owner_id FROM dossier WHERE id = $1;

-- name: open_children
-- What was made out of it, and is not done.
SELECT id, procedure_code, procedure_version FROM dossier WHERE parent_id = $1 AND is_open ORDER BY id;

-- name: desk_of
-- Who has it.
SELECT version, desk_agency, desk_role FROM dossier WHERE id = $1;

-- name: end_of
-- How it ended, if it did.
SELECT version, owner_id, deliver_by, delivery_state FROM dossier WHERE id = $1 AND outcome = 'done';
