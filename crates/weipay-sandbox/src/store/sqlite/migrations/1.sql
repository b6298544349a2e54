-- The tables of the first release: two of merchant coupons, request numbers, counters.
CREATE TABLE stocks (
    id          TEXT PRIMARY KEY,
    creator     TEXT NOT NULL,
    state       TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    sent_total  INTEGER NOT NULL,
    sent_day    INTEGER NOT NULL,
    sent_on_day INTEGER NOT NULL,
    definition  TEXT NOT NULL
);
CREATE TABLE coupons (
    number                INTEGER PRIMARY KEY,
    stock_id              TEXT NOT NULL REFERENCES stocks (id),
    code                  TEXT NOT NULL,
    openid                TEXT NOT NULL,
    sender                TEXT NOT NULL,
    send_request_no       TEXT NOT NULL,
    receive_time          INTEGER NOT NULL,
    start_time            INTEGER NOT NULL,
    expire_time           INTEGER NOT NULL,
    condition             TEXT NOT NULL,
    condition_request_no  TEXT,
    condition_time        INTEGER,
    condition_reason      TEXT,
    associated_order      TEXT,
    associate_time        INTEGER,
    return_request_no     TEXT,
    return_time           INTEGER,
    UNIQUE (stock_id, code)
);
CREATE INDEX coupons_by_user ON coupons (openid, receive_time DESC, number DESC);
CREATE INDEX coupons_by_stock_and_user ON coupons (stock_id, openid);
CREATE INDEX coupons_by_code ON coupons (code);
CREATE TABLE receipts (
    operation   TEXT NOT NULL,
    scope       TEXT NOT NULL,
    request_no  TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    reply       TEXT NOT NULL,
    PRIMARY KEY (operation, scope, request_no)
) WITHOUT ROWID;
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
