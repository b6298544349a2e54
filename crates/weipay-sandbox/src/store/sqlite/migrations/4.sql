-- Of one merchant, what waits for a repeat is counted: see `Engine::repeats_beyond`. What is due from 2^40 on waits without a time.
CREATE INDEX outbox_repeats ON outbox (mchid, number) WHERE attempts > 0 AND due < 1099511627776;

-- Grants of transfers are found by their sub-merchant; those of before were not.
INSERT OR IGNORE INTO record_indexes (kind, name, value, number)
SELECT kind, 'sub-merchant', document ->> 'sub_mchid', number FROM records WHERE kind = 'transfer grant';

-- What a person got by profit sharing in a month is counted where all such limits are.
UPDATE records SET kind = 'received in a month', key = '6:shares:' || key, document = json_set(document, '$.of', 'shares')
WHERE kind = 'shares of a person in a month';
