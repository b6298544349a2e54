-- Of one merchant, what waits for a repeat is counted: see `Engine::repeats_beyond`. What is due from 2^40 on waits without a time.
CREATE INDEX outbox_repeats ON outbox (mchid, number) WHERE attempts > 0 AND due < 1099511627776;

-- Grants of transfers are found by their sub-merchant; those of before were not.
INSERT OR IGNORE INTO record_indexes (kind, name, value, number)
SELECT kind, 'sub-merchant', document ->> 'sub_mchid', number FROM records WHERE kind = 'transfer grant';
