// wechatpay-axios-plugin, unmodified and in its own words, against `weipay sandbox`: its `baseURL` names the sandbox; or it comes by
// the proxy and the certificates that the environment names; or the hosts are this machine. It verifies every successful response
// itself, and refuses one that somebody changed on the way.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { on, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import plugin from 'wechatpay-axios-plugin';

const { Aes, Formatter, Hash, Rsa, Transformer, Wechatpay } = plugin;

// What a person or time does: no client can do it.
const weipay = (...args) => promisify(execFile)(process.env.WEIPAY, ['sandbox', ...args, '--data', process.env.DATA]);

// Receives notifications, and keeps them as they came.
let notify_url;
const receiver = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  // Notifications of APIv2 are acknowledged by XML; for those of APIv3 the status counts.
  response.end('<xml><return_code>SUCCESS</return_code></xml>');
  receiver.emit('notification', request.headers, body);
});
const notifications = on(receiver, 'notification');
before(async () => {
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  notify_url = `http://127.0.0.1:${receiver.address().port}/notify`;
});
after(() => receiver.close());

// What the merchant of a kind knows, and where its files are.
function kitOf(kind) {
  const path = process.env[`KIT_${kind.toUpperCase().replaceAll('-', '_')}`];
  if (!path) throw new Error(`KIT_... of ${kind} is not set: run foreign/run`);
  const kit = JSON.parse(readFileSync(path, 'utf8'));
  return { ...kit, pem: (member) => readFileSync(join(dirname(path), kit[member])) };
}

// What the platform has for the merchant.
function certsOf(kit) {
  const certs = {};
  if (kit.platform_serial) certs[kit.platform_serial] = Rsa.from(kit.pem('platform_cert'), Rsa.KEY_TYPE_PUBLIC);
  if (kit.public_key_id) certs[kit.public_key_id] = Rsa.from(kit.pem('public_key'), Rsa.KEY_TYPE_PUBLIC);
  return certs;
}

// Its README's configuration.
function client(kit, options = {}) {
  return new Wechatpay({
    ...(process.env.WAY === 'base-url' && { baseURL: kit.base_url }),
    mchid: kit.mchid,
    serial: kit.merchant_serial,
    privateKey: Rsa.from(kit.pem('merchant_key'), Rsa.KEY_TYPE_PRIVATE),
    certs: certsOf(kit),
    secret: kit.api_v2_key,
    merchant: { cert: kit.pem('merchant_cert'), key: kit.pem('merchant_key') },
    ...options,
  });
}

// Kinds of merchants, and the keys that fit each.
const fitting = [['public-key', 'public key'], ['certificate', 'certificate'], ['migration', 'both']];

function each(name, run) {
  for (const [kind, keys] of fitting) {
    test(`${name}: ${kind}`, async () => {
      for (const step of await run(kitOf(kind), kind)) console.log(`did: ${kind} | ${keys} | ${step}`);
    });
  }
}

const beijing = (time) => new Date(time + 8 * 3_600_000).toISOString().replace(/\.\d+Z$/, '+08:00');

function stock(kit, number) {
  const day = 86_400_000;
  return {
    stock_name: '满十元减五元',
    belong_merchant: kit.mchid,
    goods_name: '全场通用',
    stock_type: 'NORMAL',
    coupon_use_rule: {
      coupon_available_time: { available_begin_time: beijing(Date.now() - day), available_end_time: beijing(Date.now() + 30 * day) },
      fixed_normal_coupon: { discount_amount: 500, transaction_minimum: 1000 },
      use_method: 'OFF_LINE',
    },
    stock_send_rule: { max_coupons: 100, max_coupons_per_user: 10 },
    coupon_code_mode: 'WECHATPAY_MODE',
    out_request_no: `foreign-stock-${number}`,
  };
}

// `operation(path)` names an operation in one of the plugin's styles; the story is the same in each.
async function story(kit, name, style, operation) {
  const { data: { stock_id } } = await operation('v3/marketing/busifavor/stocks').post(stock(kit, name));
  const sent = await operation('v3/marketing/busifavor/coupons/send').post({
    appid: kit.appid, openid: kit.openid, stock_id, out_request_no: `foreign-send-${name}`,
  });
  const { coupon_code } = sent.data.send_coupon_result ?? sent.data;
  const tie = (verb) => ({ stock_id, coupon_code, out_trade_no: `order-${name}`, out_request_no: `foreign-${verb}-${name}` });
  const associated = await operation('v3/marketing/busifavor/coupons/associate').post(tie('associate'));
  assert.match(associated.data.wechatpay_associate_time, /\+08:00$/);

  const user = 'v3/marketing/busifavor/users/{openid}/coupons/{coupon_code}/appids/{appid}';
  const values = { openid: kit.openid, coupon_code, appid: kit.appid };
  const tied = await operation(user).get(values);
  assert.equal(tied.data.associate_out_trade_no, `order-${name}`);

  const disassociated = await operation('v3/marketing/busifavor/coupons/disassociate').post(tie('disassociate'));
  assert.equal(disassociated.status, 200);
  assert.match(disassociated.data.wechatpay_disassociate_time, /\+08:00$/);
  const free = await operation(user).get(values);
  assert.equal(free.data.coupon_state, 'SENDED');
  assert.equal(free.data.associate_out_trade_no, undefined);

  const used = await operation('v3/marketing/busifavor/coupons/use').post({
    appid: kit.appid, openid: kit.openid, stock_id, coupon_code, use_time: beijing(Date.now()), use_request_no: `foreign-use-${name}`,
  });
  assert.equal(used.data.openid, kit.openid);
  assert.equal((await operation(user).get(values)).data.coupon_state, 'USED');
  return [`coupon story by ${style}`];
}

// It sends no `Wechatpay-Serial`, unless somebody writes it.
each('orders are placed with its own headers', async (kit) => {
  const transactions = client(kit).v3.pay.transactions;
  const order = (kind) => ({
    appid: kit.appid, mchid: kit.mchid, description: '测试', out_trade_no: `axios-${kind}`, notify_url: 'https://example.com/notify',
    amount: { total: 1 },
  });
  assert.match((await transactions.jsapi.post({ ...order('jsapi'), payer: { openid: kit.openid } })).data.prepay_id, /.+/);
  assert.match((await transactions.native.post(order('native'))).data.code_url, /^weixin:/);
  assert.match((await transactions.app.post(order('app'))).data.prepay_id, /.+/);
  const scene_info = { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap' } };
  assert.match((await transactions.h5.post({ ...order('h5'), scene_info })).data.h5_url, /.+/);
  const found = await transactions.outTradeNo.$out_trade_no$.get({ params: { mchid: kit.mchid }, out_trade_no: 'axios-native' });
  assert.equal(found.data.out_trade_no, 'axios-native');
  const closed = await transactions.outTradeNo.$out_trade_no$.close.post({ mchid: kit.mchid }, { out_trade_no: 'axios-native' });
  assert.equal(closed.status, 204);
  return ['orders'];
});

// Verifies and decrypts with its functions, as its README does.
async function notified(kit, event) {
  const { value: [headers, body] } = await notifications.next();
  const {
    'wechatpay-timestamp': timestamp, 'wechatpay-nonce': nonce, 'wechatpay-serial': serial, 'wechatpay-signature': signature,
  } = headers;
  const verify = (body) => Rsa.verify(Formatter.response(timestamp, nonce, body), signature, certsOf(kit)[serial]);
  assert.equal(verify(body), true, 'the notification does not verify');
  assert.equal(verify(`${body} `), false, 'a notification that was changed verifies');
  const { event_type, resource } = JSON.parse(body);
  assert.equal(event_type, event);
  return JSON.parse(Aes.AesGcm.decrypt(resource.ciphertext, kit.api_v3_key, resource.nonce, resource.associated_data));
}

each('an order is paid, and a part is given back', async (kit) => {
  const { v3 } = client(kit);
  const out_trade_no = 'axios-payment', package_of = (id) => `prepay_id=${id}`;
  const { data: { prepay_id } } = await v3.pay.transactions.jsapi.post({
    appid: kit.appid, mchid: kit.mchid, description: '测试', out_trade_no, notify_url, amount: { total: 100 }, payer: { openid: kit.openid },
  });
  const part = { out_trade_no, notify_url, amount: { refund: 30, total: 100, currency: 'CNY' } };
  await assert.rejects(v3.refund.domestic.refunds.post({ ...part, out_refund_no: 'axios-early' }), ({ response }) => response.status < 500);
  const front = {
    appId: kit.appid, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(), package: package_of(prepay_id), signType: 'RSA',
  };
  front.paySign = Rsa.sign(
    Formatter.joinedByLineFeed(front.appId, front.timeStamp, front.nonceStr, front.package),
    Rsa.from(kit.pem('merchant_key'), Rsa.KEY_TYPE_PRIVATE),
  );
  await weipay('pay', '--front-end', JSON.stringify(front));
  const paid = await notified(kit, 'TRANSACTION.SUCCESS');
  assert.deepEqual([paid.out_trade_no, paid.amount.total], [out_trade_no, 100]);
  const order = (out_trade_no) => v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid: kit.mchid }, out_trade_no });
  const { data: found } = await order(out_trade_no);
  assert.deepEqual([found.trade_state, found.transaction_id], ['SUCCESS', paid.transaction_id]);

  const { data: { refund_id } } = await v3.refund.domestic.refunds.post({ ...part, out_refund_no: 'axios-refund' });
  await weipay('refund', refund_id, '--to', 'success');
  const refunded = await notified(kit, 'REFUND.SUCCESS');
  assert.deepEqual([refunded.refund_id, refunded.amount.refund], [refund_id, 30]);
  const { data: refund } = await v3.refund.domestic.refunds.$out_refund_no$.get({ out_refund_no: 'axios-refund' });
  assert.equal(refund.status, 'SUCCESS');
  await assert.rejects(order('axios-unknown'), ({ response }) => response.status === 404 && response.data.code === 'ORDER_NOT_EXIST');
  return ['payment', 'payment notification', 'refund', 'refund notification', 'unknown order'];
});

each('the bill of a day is downloaded', async (kit) => {
  const { v3 } = client(kit);
  const { data: { download_url, hash_value } } = await v3.bill.tradebill.get({ params: { bill_date: process.env.BILL_DATE, tar_type: 'GZIP' } });
  const params = Object.fromEntries(new URL(download_url).searchParams);
  const { data } = await v3.billdownload.file.get({ params, responseType: 'arraybuffer' });
  const bill = gunzipSync(data);
  assert.equal(createHash('sha1').update(bill).digest('hex'), hash_value);
  return ['bill'];
});

each('others get a part of a payment, and a transfer', async (kit) => {
  const { v3 } = client(kit);
  const { data: { transaction_id } } = await v3.pay.transactions.outTradeNo.$out_trade_no$.get({
    params: { mchid: kit.mchid }, out_trade_no: 'past-none',
  });
  const receiver = { type: 'PERSONAL_OPENID', account: kit.openid };
  await v3.profitsharing.receivers.add.post({ appid: kit.appid, ...receiver, relation_type: 'USER' });
  await v3.profitsharing.orders.post({
    appid: kit.appid, transaction_id, out_order_no: 'axios-share', unfreeze_unsplit: true,
    receivers: [{ ...receiver, amount: 10, description: '分给一人' }],
  });
  const { transferBills } = v3.fundApp.mchTransfer;
  const { data: transfer } = await transferBills.post({
    appid: kit.appid, out_bill_no: 'axiostransfer', transfer_scene_id: '1000', openid: kit.openid, transfer_amount: 100, transfer_remark: '测试',
    notify_url, transfer_scene_report_infos: [
      { info_type: '活动名称', info_content: '新会员有礼' }, { info_type: '奖励说明', info_content: '注册会员抽奖' },
    ],
  });
  assert.equal(transfer.state, 'WAIT_USER_CONFIRM');
  await weipay('transfer', 'confirm', transfer.transfer_bill_no);
  await weipay('clock', 'advance', '5s');
  const done = await notified(kit, 'MCHTRANSFER.BILL.FINISHED');
  assert.deepEqual([done.out_bill_no, done.state], ['axiostransfer', 'SUCCESS']);
  const { data: { state } } = await transferBills.outBillNo.$out_bill_no$.get({ out_bill_no: 'axiostransfer' });
  assert.equal(state, 'SUCCESS');
  const { data: shared } = await v3.profitsharing.orders.$out_order_no$.get({ params: { transaction_id }, out_order_no: 'axios-share' });
  assert.deepEqual([shared.state, shared.receivers[0].result], ['FINISHED', 'SUCCESS']);
  return ['profit sharing', 'transfer', 'transfer notification'];
});

each('an order of APIv2 is paid, given back in part, and seen by APIv3', async (kit) => {
  const { v2, v3 } = client(kit);
  const own = { appid: kit.appid, mch_id: kit.mchid }, out_trade_no = 'axios-v2', out_refund_no = 'axios-v2-refund';
  const place = (out_trade_no) => v2.pay.unifiedorder.post({
    ...own, body: '测试', out_trade_no, total_fee: 100, spbill_create_ip: '127.0.0.1', notify_url, trade_type: 'NATIVE',
  });
  assert.match((await place(out_trade_no)).data.code_url, /^weixin:/);
  await weipay('pay', out_trade_no, '--mchid', kit.mchid);
  const { value: [, body] } = await notifications.next();
  const sign = (notification) => Hash.sign(Hash.ALGO_MD5, notification, kit.api_v2_key);
  const paid = Transformer.toObject(body), forged = Transformer.toObject(body.replace('</xml>', '<attach>forged</attach></xml>'));
  assert.deepEqual([paid.sign, paid.out_trade_no, paid.total_fee], [sign(paid), out_trade_no, '100']);
  assert.notEqual(forged.sign, sign(forged));
  const { data: found } = await v2.pay.orderquery.post({ ...own, out_trade_no });
  const { data: seen } = await v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid: kit.mchid }, out_trade_no });
  assert.deepEqual([found.trade_state, seen.trade_state], ['SUCCESS', 'SUCCESS']);

  const { data: refund } = await v2.secapi.pay.refund.post(
    { ...own, out_trade_no, out_refund_no, total_fee: 100, refund_fee: 30, notify_url }, { security: true },
  );
  assert.equal(refund.refund_fee, '30');
  await weipay('refund', refund.refund_id, '--to', 'success');
  const { value: [, sealed] } = await notifications.next();
  const { req_info } = Transformer.toObject(sealed);
  const refunded = Transformer.toObject(Aes.AesEcb.decrypt(req_info, Hash.md5(kit.api_v2_key)));
  assert.deepEqual([refunded.refund_id, refunded.refund_fee, refunded.refund_status], [refund.refund_id, '30', 'SUCCESS']);
  const { data: refunds } = await v2.pay.refundquery.post({ ...own, out_refund_no });
  assert.deepEqual([refunds.refund_status_0, refunds.refund_fee_0], ['SUCCESS', '30']);

  await place('axios-v2-closed');
  assert.equal((await v2.pay.closeorder.post({ ...own, out_trade_no: 'axios-v2-closed' })).data.result_code, 'SUCCESS');
  return ['APIv2 order', 'APIv2 payment notification', 'APIv2 refund', 'APIv2 refund notification', 'APIv2 close'];
});

each('the bill of a day is downloaded by APIv2', async (kit) => {
  // A bill is no XML, so that nothing of it is parsed.
  const { data: bill } = await client(kit).v2.pay.downloadbill.post(
    { appid: kit.appid, mch_id: kit.mchid, bill_date: process.env.BILL_DATE.replaceAll('-', ''), bill_type: 'ALL' },
    { transformResponse: [] },
  );
  assert.match(bill, /`past-none,/);
  return ['APIv2 bill'];
});

test('each of the two keys of the platform is asked for by its serial, and verifies', async () => {
  const kit = kitOf('migration');
  for (const serial of [kit.platform_serial, kit.public_key_id]) {
    const { headers } = await client(kit).v3.certificates.get({ headers: { 'Wechatpay-Serial': serial } });
    assert.equal(headers['wechatpay-serial'], serial);
  }
  console.log('did: migration | both | responses by the key that was asked for');
});

each('its property chain', (kit) => {
  const wxpay = client(kit);
  // The chain is walked segment by segment, as a person writes it: wxpay.v3.marketing.busifavor...
  return story(kit, 'chain', 'property chain', (path) => path.split('/').reduce((node, segment) => node[segment], wxpay));
});

each('its declarative style', (kit) => {
  const wxpay = client(kit);
  return story(kit, 'declared', 'chain()', (path) => wxpay.chain(path));
});

each('its index style', (kit) => {
  const wxpay = client(kit);
  return story(kit, 'index', 'index', (path) => wxpay[path]);
});

each('the seed page, letter for letter', async (kit) => {
  await assert.rejects(
    client(kit).v3.marketing.busifavor.coupons.disassociate.post({
      stock_id: '1', coupon_code: '1', out_trade_no: '1', out_request_no: '1',
    }),
    ({ response }) => response.status === 400 && response.data.code === 'INVALID_REQUEST',
  );
  return ['unknown coupon'];
});

test('a response that was changed on the way is refused by its own verifier', async () => {
  const kit = kitOf('public-key');
  const proxy = createServer((incoming, outgoing) => {
    const upstream = forward(kit.base_url + incoming.url, { method: incoming.method, headers: incoming.headers }, async (answer) => {
      const body = Buffer.concat(await answer.toArray());
      outgoing.writeHead(answer.statusCode, answer.headers);
      outgoing.end(body.toString().replace(/"create_time":"\d/, '"create_time":"9'));
    });
    incoming.pipe(upstream);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    const changed = client(kit, { baseURL: `http://127.0.0.1:${proxy.address().port}` });
    await assert.rejects(changed.v3.marketing.busifavor.stocks.post(stock(kit, 'changed')), /Verify the response's data/);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
  console.log('did: public-key | public key | changed response refused');
});

test('a request signed with another key is refused by the platform', async () => {
  const kit = kitOf('public-key');
  const { generateKeyPairSync } = await import('node:crypto');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await assert.rejects(
    client(kit, { privateKey }).v3.marketing.busifavor.stocks.post(stock(kit, 'forged')),
    ({ response }) => response.status === 401 && response.data.code === 'SIGN_ERROR',
  );
  console.log('did: public-key | public key | forged request refused');
});
