-- repeatable: what the phone's first screen shows of the wallet, in one round trip with the other domains' parts.

CREATE OR REPLACE FUNCTION wallet_home(resident uuid, language text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'available', coalesce((SELECT posted - pending FROM account WHERE id = resident), 0),
        'pending', coalesce((SELECT pending FROM account WHERE id = resident), 0),
        'bills_due', coalesce((
            SELECT jsonb_agg(to_jsonb(due) ORDER BY due.due_on, due.id) FROM (
                SELECT bill.id, bill.biller_code AS biller,
                    CASE WHEN language = 'en' THEN name_en ELSE name_vi END AS biller_name,
                    bill.customer_code, kept.nickname, period, amount, due_on
                FROM customer_code AS kept
                JOIN bill ON bill.biller_code = kept.biller_code AND bill.customer_code = kept.customer_code
                    AND bill.status = 'due'
                JOIN biller ON biller.code = bill.biller_code
                WHERE kept.principal_id = resident
                ORDER BY due_on, bill.id LIMIT 10
            ) AS due), '[]'),
        'movements', coalesce((
            SELECT jsonb_agg(to_jsonb(line) - 'version' ORDER BY line.version DESC) FROM (
                SELECT entry.version, transfer.id, transfer.kind, entry.amount, entry.balance_after,
                    CASE WHEN entry.amount < 0 THEN payment.payee_name ELSE payment.payer_name END AS counterparty,
                    transfer.memo, transfer.made_at
                FROM entry
                JOIN transfer ON transfer.id = entry.transfer_id
                LEFT JOIN payment ON payment.id = entry.transfer_id
                WHERE entry.account_id = resident
                ORDER BY entry.version DESC LIMIT 5
            ) AS line), '[]')
    )
$$;
