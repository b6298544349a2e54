-- Records of every product in one table, each found by its key and by named values; an outbox; due times. The rows of merchant
-- coupons become records.

CREATE TABLE records (
    -- The order in which records were added.
    number   INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    version  INTEGER NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (kind, key)
);
CREATE TABLE record_indexes (
    kind   TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    number INTEGER NOT NULL REFERENCES records (number),
    PRIMARY KEY (kind, name, value, number)
) WITHOUT ROWID;
CREATE INDEX record_indexes_by_record ON record_indexes (number);
CREATE TABLE outbox (
    number     INTEGER PRIMARY KEY,
    mchid      TEXT NOT NULL,
    event_type TEXT NOT NULL,
    time       INTEGER NOT NULL,
    resource   TEXT NOT NULL
);
CREATE TABLE due (
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    at   INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX due_by_time ON due (at, kind, key);

ALTER TABLE receipts RENAME TO idempotency_keys;
ALTER TABLE idempotency_keys RENAME COLUMN reply TO response;

INSERT INTO records (kind, key, version, document)
SELECT 'merchant coupon stock', id, 1, json_object(
    'id', id,
    'creator', creator,
    'state', state,
    'create_time', create_time,
    'sent', json_object('total', sent_total, 'day', sent_day, 'on_day', sent_on_day),
    'definition', json(definition)
) FROM stocks ORDER BY rowid;

INSERT INTO records (kind, key, version, document)
SELECT 'merchant coupon', length(CAST(stock_id AS BLOB)) || ':' || stock_id || ':' || code, 1, json_object(
    'stock_id', stock_id,
    'code', code,
    'openid', openid,
    'sender', sender,
    'send_request_no', send_request_no,
    'receive_time', receive_time,
    'window', json_object('start', start_time, 'expire', expire_time),
    'condition', json(CASE condition
        WHEN 'USED' THEN json_object(condition,
            json_object('request_no', condition_request_no, 'time', condition_time))
        WHEN 'DEACTIVATED' THEN json_object(condition, json_array(
            json_object('request_no', condition_request_no, 'time', condition_time), condition_reason))
        ELSE json_quote(condition)
    END),
    'association', json(CASE WHEN associated_order IS NOT NULL AND associate_time IS NOT NULL
        THEN json_object('out_trade_no', associated_order, 'time', associate_time) END),
    'returned', json(CASE WHEN return_request_no IS NOT NULL AND return_time IS NOT NULL
        THEN json_object('request_no', return_request_no, 'time', return_time) END)
) FROM coupons ORDER BY coupons.number;

INSERT INTO record_indexes (kind, name, value, number)
SELECT kind, 'user', document ->> 'openid', number FROM records WHERE kind = 'merchant coupon'
UNION ALL
SELECT kind, 'code', document ->> 'code', number FROM records WHERE kind = 'merchant coupon'
UNION ALL
SELECT kind, 'stock and user',
    length(CAST(document ->> 'stock_id' AS BLOB)) || ':' || (document ->> 'stock_id') || ':' || (document ->> 'openid'), number
FROM records WHERE kind = 'merchant coupon';

DROP TABLE coupons;
DROP TABLE stocks;
