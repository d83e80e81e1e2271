-- The app role's rights, applied after every migration; `:app` is its name.
GRANT USAGE ON SCHEMA public TO :app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO :app;
-- What money did is never rewritten.
REVOKE UPDATE, DELETE, TRUNCATE ON transfer, entry FROM :app;
REVOKE DELETE, TRUNCATE ON account, payment FROM :app;
-- Nor is a receipt's number given twice.
REVOKE UPDATE, DELETE, TRUNCATE ON fee_receipt_number FROM :app;
REVOKE DELETE, TRUNCATE ON fee_receipt_counter FROM :app;
-- Nor which money went to which bank, what was closed of a merchant's books, and by which rule of fees.
REVOKE DELETE, TRUNCATE ON payout, finding, biller_bank_account, remittance, settlement, merchant_bank_account, fee_rule FROM :app;
REVOKE UPDATE, DELETE, TRUNCATE ON settlement_day, merchant_past_category FROM :app;
REVOKE DELETE, TRUNCATE ON bank FROM :app;
-- Nor is what was said of it in the audit.
REVOKE UPDATE, DELETE, TRUNCATE ON audit, audit_link FROM :app;
-- When it was written, and in which order, is not the writer's to say.
REVOKE INSERT ON audit FROM :app;
GRANT INSERT (actor_id, actor_kind, action, subject, data) ON audit TO :app;
REVOKE UPDATE, TRUNCATE ON audit_waiting FROM :app;
-- Nor what residents decided, what was done with their data and who opened their files.
REVOKE UPDATE, DELETE, TRUNCATE ON consent, processing, file_opening, breach_version FROM :app;
REVOKE DELETE, TRUNCATE ON breach, data_request, data_export, erasure, retention FROM :app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON working_spell FROM :app;
-- Who was given what, and who broke the glass, is not forgotten.
REVOKE DELETE, TRUNCATE ON staff_account, staff_grant, break_glass FROM :app;
-- Nor what the city's rules were, and who changed them.
REVOKE UPDATE, DELETE, TRUNCATE ON policy FROM :app;
REVOKE DELETE, TRUNCATE ON policy_change FROM :app;
-- Nor what was given back, disputed, frozen, suspected and reconciled, and by whom.
REVOKE DELETE, TRUNCATE ON refund, dispute, account_freeze, reconciliation, reconciliation_difference FROM :app;
REVOKE UPDATE, DELETE, TRUNCATE ON watched_day FROM :app;
REVOKE INSERT, DELETE, TRUNCATE ON suspicion_rule FROM :app;
-- Nor what residents put in, or meant to.
REVOKE DELETE, TRUNCATE ON top_up FROM :app;
-- Nor what came in, what waited for its owner, and what lay in drawers.
REVOKE DELETE, TRUNCATE ON inbound_transfer, bank_taking, bill_transfer_code, order_transfer_code, suspense_item FROM :app;
REVOKE DELETE, TRUNCATE ON suspense_resolution, cash_day, cash_receipt, cash_close FROM :app;
-- Nor where shops' systems were told, how each try came out, and which machine acted for which shop.
REVOKE DELETE, TRUNCATE ON webhook_endpoint FROM :app;
REVOKE UPDATE, DELETE, TRUNCATE ON webhook_delivery, merchant_machine FROM :app;
-- Nor which machines there were, with which keys.
REVOKE DELETE, TRUNCATE ON machine, machine_key FROM :app;
-- Nor what billers were asked and said, how they were asked, and what a resident let pay itself.
REVOKE DELETE, TRUNCATE ON biller, biller_connection, biller_call, e_invoice, autopay FROM :app;
-- Nor of what the city was warned, and what was measured; stations and numbers to call are the owner's to change.
REVOKE DELETE, TRUNCATE ON alert, water_reading FROM :app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON water_station, hotline, flood_page FROM :app;
-- Nor what was reported, and what was done about it.
REVOKE DELETE, TRUNCATE ON report, report_step, report_upload, report_note, report_fine FROM :app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON report_category FROM :app;
-- Nor what was done to a dossier, which numbers were given, and what came out.
REVOKE UPDATE, DELETE, TRUNCATE ON dossier_event FROM :app;
REVOKE DELETE, TRUNCATE ON dossier_counter, dossier_supplement, dossier_result, dossier_delegation, procedure_version, procedure_review FROM :app;
REVOKE TRUNCATE ON dossier, dossier_paper, stored_paper FROM :app;
REVOKE INSERT, DELETE, TRUNCATE ON dossier_agency, procedure_field FROM :app;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ward, installation, schema_migrations, repeatable_sql FROM :app;
GRANT UPDATE (seeded_at) ON installation TO :app;
