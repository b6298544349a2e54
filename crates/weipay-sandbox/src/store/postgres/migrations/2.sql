-- Of one merchant, what waits for a repeat is counted. What is due from 2^40 on waits without a time.
CREATE INDEX IF NOT EXISTS weipay_outbox_repeats ON weipay_outbox (mchid, number)
    WHERE attempts > 0 AND due < 1099511627776;

-- Grants of transfers are found by their sub-merchant. Those of before were not.
INSERT INTO weipay_record_indexes (kind, name, value, number)
SELECT kind, 'sub-merchant', convert_to(CAST(document AS JSONB) ->> 'sub_mchid', 'UTF8'), number
FROM weipay_records WHERE kind = 'transfer grant'
ON CONFLICT (kind, name, value, number) DO NOTHING;

-- What a person got by profit sharing in a month is counted where all such limits are. Once its kind is new, it is not found again.
UPDATE weipay_records SET kind = 'received in a month', key = convert_to('6:shares:', 'UTF8') || key,
    document = CAST(CAST(document AS JSONB) || '{"of": "shares"}' AS TEXT)
WHERE kind = 'shares of a person in a month';
