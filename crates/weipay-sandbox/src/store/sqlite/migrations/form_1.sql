-- A database of form 1, as `.dump` of sqlite3 prints it: written by the program that had that form, after two stocks, five
-- coupons and one step of each kind. Tests bring it to the form of today.
BEGIN TRANSACTION;
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
INSERT INTO stocks VALUES('1001090000000001','1900000109','RUNNING',1795650565,3,20783,3,'{"stock_name":"8月1日活动券","belong_merchant":"1900000109","goods_name":"全场通用","stock_type":"NORMAL","coupon_use_rule":{"coupon_available_time":{"available_begin_time":"2026-01-01T00:00:00+08:00","available_end_time":"2026-12-31T23:59:59+08:00"},"fixed_normal_coupon":{"discount_amount":88,"transaction_minimum":100},"use_method":"OFF_LINE"},"stock_send_rule":{"max_coupons":1000,"max_coupons_per_user":5,"max_coupons_by_day":50},"coupon_code_mode":"WECHATPAY_MODE"}');
INSERT INTO stocks VALUES('1001090000000002','1900000109','RUNNING',1795650565,2,20783,2,'{"stock_name":"8月1日活动券","belong_merchant":"1900000109","goods_name":"全场通用","stock_type":"NORMAL","coupon_use_rule":{"coupon_available_time":{"available_begin_time":"2026-01-01T00:00:00+08:00","available_end_time":"2026-12-31T23:59:59+08:00"},"fixed_normal_coupon":{"discount_amount":88,"transaction_minimum":100},"use_method":"OFF_LINE"},"stock_send_rule":{"max_coupons":1000,"max_coupons_per_user":5,"max_coupons_by_day":50},"coupon_code_mode":"MERCHANT_API"}');
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
INSERT INTO coupons VALUES(1,'1001090000000001','1840606438080000000001','oUpF8uMuAJO_M2pxb1Q9zNjWeS6o','1900000109','n1',1795650565,1795650565,1798732799,'SENT',NULL,NULL,NULL,'o-1',1795650565,NULL,NULL);
INSERT INTO coupons VALUES(2,'1001090000000001','1663258468880000000002','oUpF8uMuAJO_M2pxb1Q9zNjWeS6o','1900000109','n2',1795650565,1795650565,1798732799,'USED','u1',1795650565,NULL,NULL,NULL,NULL,NULL);
INSERT INTO coupons VALUES(3,'1001090000000001','1052199564670000000003','oUpF8uMuAJO_M2pxb1Q9zNjWeS6o','1900000109','n3',1795650565,1795650565,1798732799,'SENT',NULL,NULL,NULL,NULL,NULL,'r1',1795650565);
INSERT INTO coupons VALUES(4,'1001090000000002','VIP-4','oUpF8uMuAJO_M2pxb1Q9zNjWeS6o','1900000109','n4',1795650565,1795650565,1798732799,'SENT',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO coupons VALUES(5,'1001090000000002','VIP-5','oUpF8uMuAJO_M2pxb1Q9zNjWeS6o','1900000109','n5',1795650565,1795650565,1798732799,'DEACTIVATED','d1',1795650565,'误发',NULL,NULL,NULL,NULL);
CREATE TABLE receipts (
    operation   TEXT NOT NULL,
    scope       TEXT NOT NULL,
    request_no  TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    reply       TEXT NOT NULL,
    PRIMARY KEY (operation, scope, request_no)
) WITHOUT ROWID;
INSERT INTO receipts VALUES('associate','1900000109','a1',X'f9ee53d34d814596c31e71867db1fb1074ddc4965c4f944ec6437ec94e5ddaa6','{"wechatpay_associate_time":"2026-11-26T07:49:25+08:00"}');
INSERT INTO receipts VALUES('create stock','1900000109','s1',X'e9e96f4047c7efc9403039a3a3878935360996406a54f588781b7ce57776ae7b','{"stock_id":"1001090000000001","create_time":"2026-11-26T07:49:25+08:00"}');
INSERT INTO receipts VALUES('create stock','1900000109','s2',X'ac2fc2598b5be77a9de08004e60c2c500f847aac99fb51d616ce9bf984d1e92d','{"stock_id":"1001090000000002","create_time":"2026-11-26T07:49:25+08:00"}');
INSERT INTO receipts VALUES('deactivate','1900000109','d1',X'e0058a49a1e3b1cb41932505c155149d7d4370ef7aaa00f8a62bb57e852c19a2','{"wechatpay_deactivate_time":"2026-11-26T07:49:25+08:00"}');
INSERT INTO receipts VALUES('return','1900000109','r1',X'5ab0c66807eb2e760936e89e3198a89743005a9893f0c0cf553a9eb5bdbe2d9c','{"wechatpay_return_time":"2026-11-26T07:49:25+08:00"}');
INSERT INTO receipts VALUES('send',replace('1001090000000001\noUpF8uMuAJO_M2pxb1Q9zNjWeS6o','\n',char(10)),'n1',X'6c531f7b4f497c9b0d4b7ba69b54873fbfbbd0f1a94e5fcb4e719671c0f8d367','{"send_coupon_result":{"stock_id":"1001090000000001","out_request_no":"n1","coupon_code":"1840606438080000000001"}}');
INSERT INTO receipts VALUES('send',replace('1001090000000001\noUpF8uMuAJO_M2pxb1Q9zNjWeS6o','\n',char(10)),'n2',X'd0a2daf06429b7bc521caff555fff60b0521905f0e9747afccac99e4b2f0807c','{"send_coupon_result":{"stock_id":"1001090000000001","out_request_no":"n2","coupon_code":"1663258468880000000002"}}');
INSERT INTO receipts VALUES('send',replace('1001090000000001\noUpF8uMuAJO_M2pxb1Q9zNjWeS6o','\n',char(10)),'n3',X'8ad060cd5f2b2d3967432034a9eb3efdc77b63b1b26de6fd394951ccec3bd5c9','{"send_coupon_result":{"stock_id":"1001090000000001","out_request_no":"n3","coupon_code":"1052199564670000000003"}}');
INSERT INTO receipts VALUES('send',replace('1001090000000002\noUpF8uMuAJO_M2pxb1Q9zNjWeS6o','\n',char(10)),'n4',X'd9a935ddd76335cc2f554c2b0f0377771c98cf930f25ab32bff0699d6fbeb278','{"send_coupon_result":{"stock_id":"1001090000000002","out_request_no":"n4","coupon_code":"VIP-4"}}');
INSERT INTO receipts VALUES('send',replace('1001090000000002\noUpF8uMuAJO_M2pxb1Q9zNjWeS6o','\n',char(10)),'n5',X'ce092ef3aebe8f449d9fcfc40bd6e34f85612bdb033997a3bdef490300d8d6fe','{"send_coupon_result":{"stock_id":"1001090000000002","out_request_no":"n5","coupon_code":"VIP-5"}}');
INSERT INTO receipts VALUES('use','1900000109','u1',X'1e3967a488243c8392b39d063dcdccc3080303909835c7725f42371117c7d472','{"stock_id":"1001090000000001","openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","wechatpay_use_time":"2026-11-26T07:49:25+08:00"}');
INSERT INTO receipts VALUES('use','1900000109','u2',X'1086c32807e8697b51f824e3babf61f2fe0d96f87990b2391a86830de8a50c39','{"stock_id":"1001090000000001","openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","wechatpay_use_time":"2026-11-26T07:49:25+08:00"}');
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters VALUES('coupon code',5);
INSERT INTO counters VALUES('stock',2);
CREATE INDEX coupons_by_user ON coupons (openid, receive_time DESC, number DESC);
CREATE INDEX coupons_by_stock_and_user ON coupons (stock_id, openid);
CREATE INDEX coupons_by_code ON coupons (code);
PRAGMA user_version = 1;
COMMIT;
