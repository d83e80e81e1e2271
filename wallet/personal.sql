-- repeatable: closing a wallet whose owner is forgotten.

-- The account is opened if it never was, so that there is a row to lock: money that is on its way to this owner waits
-- for the lock, and then finds the account closed. Whether it is empty is asked after this, by a statement of its own.
CREATE OR REPLACE FUNCTION wallet_close(owner uuid) RETURNS void LANGUAGE sql AS $$
    SELECT open_accounts(ARRAY[owner]);
    UPDATE account SET closed_at = coalesce(closed_at, city_now()) WHERE id = owner;
$$;
