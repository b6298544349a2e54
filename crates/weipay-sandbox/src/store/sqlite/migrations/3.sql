-- The outbox can be delivered from: where a notification goes, which key signs it, how often delivery has failed, and when it is
-- due again. No program had put anything into it before.
DROP TABLE outbox;
CREATE TABLE outbox (
    number          INTEGER PRIMARY KEY,
    mchid           TEXT NOT NULL,
    notify_url      TEXT NOT NULL,
    platform_serial TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    time            INTEGER NOT NULL,
    resource        TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    due             INTEGER NOT NULL
);
CREATE INDEX outbox_by_due ON outbox (due, number);

-- What was sent of a stock becomes a record beside it, so that a send rewrites three numbers and not the whole definition.
INSERT INTO records (kind, key, version, document)
SELECT 'merchant coupons sent', key, 1, json_set(document -> '$.sent', '$.stock_id', key)
FROM records WHERE kind = 'merchant coupon stock' ORDER BY number;
UPDATE records SET document = json_remove(document, '$.sent') WHERE kind = 'merchant coupon stock';

-- A coupon says to whom its stock belongs, and is found by that and by its condition.
UPDATE records SET document = json_set(records.document,
    '$.creator', stock.definition ->> 'creator',
    '$.belong_merchant', stock.definition -> 'definition' ->> 'belong_merchant')
FROM (SELECT key AS id, document AS definition FROM records WHERE kind = 'merchant coupon stock') AS stock
WHERE records.kind = 'merchant coupon' AND stock.id = records.document ->> 'stock_id';

DELETE FROM record_indexes WHERE kind = 'merchant coupon' AND name = 'user';
INSERT INTO record_indexes (kind, name, value, number)
SELECT kind, 'user and creator',
    length(CAST(document ->> 'openid' AS BLOB)) || ':' || (document ->> 'openid') || ':' || (document ->> 'creator'), number
FROM records WHERE kind = 'merchant coupon'
UNION ALL
SELECT kind, 'user and belonging merchant',
    length(CAST(document ->> 'openid' AS BLOB)) || ':' || (document ->> 'openid') || ':' || (document ->> 'belong_merchant'), number
FROM records WHERE kind = 'merchant coupon'
UNION ALL
SELECT kind, 'user and sender',
    length(CAST(document ->> 'openid' AS BLOB)) || ':' || (document ->> 'openid') || ':' || (document ->> 'sender'), number
FROM records WHERE kind = 'merchant coupon'
UNION ALL
SELECT kind, 'user, condition and expiry',
    length(CAST(document ->> 'openid' AS BLOB)) || ':' || (document ->> 'openid') || ':' ||
    CASE WHEN json_type(document, '$.condition') = 'text' THEN document ->> 'condition'
         WHEN document -> 'condition' ->> 'USED' IS NOT NULL THEN 'USED'
         ELSE 'DEACTIVATED' END || ':' ||
    printf('%020d', document -> 'window' ->> 'expire'), number
FROM records WHERE kind = 'merchant coupon';

-- Stocks end by the clock.
INSERT INTO due (kind, key, at)
SELECT 'merchant coupon stock ends', key,
    unixepoch(document -> 'definition' -> 'coupon_use_rule' -> 'coupon_available_time' ->> 'available_end_time') + 1
FROM records WHERE kind = 'merchant coupon stock'
    AND unixepoch(document -> 'definition' -> 'coupon_use_rule' -> 'coupon_available_time' ->> 'available_end_time') IS NOT NULL;
