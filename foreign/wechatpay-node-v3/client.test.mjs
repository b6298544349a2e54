// wechatpay-node-v3, unmodified, against `weipay sandbox`. Its hosts are constants, and superagent, with which it sends, knows no
// proxy: the hosts are this machine. Where they cannot be, its own `createHttp` puts another host before its paths, which is not part
// of what is signed. For what it has no function for, its README signs with its functions and sends with superagent. It takes no
// public key of the platform, only the platform certificates, which it downloads itself; and it verifies a response only when it is
// asked to.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { on, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import request from 'superagent';
import WxPay from 'wechatpay-node-v3';
import transport from 'wechatpay-node-v3/dist/lib/pay-request.js';

// What a person or time does: no client can do it.
const weipay = (...args) => promisify(execFile)(process.env.WEIPAY, ['sandbox', ...args, '--data', process.env.DATA]);

// Receives notifications, and keeps them as they came.
let notify_url;
const receiver = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString();
  response.writeHead(204).end();
  receiver.emit('notification', request.headers, body);
});
const notifications = on(receiver, 'notification');
before(async () => {
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  notify_url = `http://127.0.0.1:${receiver.address().port}/notify`;
});
after(() => receiver.close());

const official = 'https://api.mch.weixin.qq.com';

// What the merchant of a kind knows, and where its files are.
function kitOf(kind) {
  const path = process.env[`KIT_${kind.toUpperCase().replaceAll('-', '_')}`];
  if (!path) throw new Error(`KIT_... of ${kind} is not set: run foreign/run`);
  const kit = JSON.parse(readFileSync(path, 'utf8'));
  return {
    ...kit,
    pem: (member) => readFileSync(join(dirname(path), kit[member])),
    host: process.env.WAY === 'base-url' ? kit.base_url : official,
  };
}

function client(kit) {
  const pay = new WxPay({
    appid: kit.appid,
    mchid: kit.mchid,
    publicKey: kit.pem('merchant_cert'),
    privateKey: kit.pem('merchant_key'),
    key: kit.api_v3_key,
  });
  if (kit.host !== official) {
    pay.createHttp(new class extends transport.PayRequest {
      post(url, ...rest) { return super.post(url.replace(official, kit.host), ...rest); }
      get(url, ...rest) { return super.get(url.replace(official, kit.host), ...rest); }
    }());
  }
  return pay;
}

// Kinds of merchants, and what its responses are verified with: it cannot verify those of a public key.
const fitting = [['public-key', 'none'], ['certificate', 'certificate'], ['migration', 'certificate']];

function each(name, run) {
  for (const [kind, keys] of fitting) {
    test(`${name}: ${kind}`, async () => {
      const kit = kitOf(kind);
      for (const step of await run(kit, client(kit), keys)) console.log(`did: ${kind} | ${keys} | ${step}`);
    });
  }
}

// The README's own lines, made a function; then its verifySign, with the text as it came.
async function raw(kit, pay, keys, method, path, body) {
  const nonce_str = Math.random().toString(36).substr(2, 15);
  const timestamp = parseInt(+new Date() / 1000 + '').toString();
  const signature = pay.getSignature(method, nonce_str, timestamp, path, body);
  const { status, text, headers } = await request(method, kit.host + path)
    .send(body)
    .ok(() => true)
    .set({
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'User-Agent': 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0.4280.88 Safari/537.36',
      Authorization: pay.getAuthorization(nonce_str, timestamp, signature),
    });
  const verify = (body) => pay.verifySign({
    timestamp: headers['wechatpay-timestamp'],
    nonce: headers['wechatpay-nonce'],
    serial: headers['wechatpay-serial'],
    signature: headers['wechatpay-signature'],
    body,
  });
  if (status < 300 && keys === 'certificate') {
    assert.equal(await verify(text), true, 'its verifySign refused the response');
    assert.equal(await verify(`${text} `), false, 'its verifySign believed a response that was changed');
  }
  return { status, data: text && JSON.parse(text) };
}

each('orders are placed by its functions, with its own headers', async (kit, pay) => {
  const order = (kind) => ({
    description: '测试', out_trade_no: `node-v3-${kind}`, notify_url: 'https://example.com/notify', amount: { total: 1 },
  });
  const placed = async (answer, member, pattern) => {
    const { status, data, error } = await answer;
    assert.equal(status, 200, error);
    assert.match(data[member], pattern);
  };
  await placed(pay.transactions_jsapi({ ...order('jsapi'), payer: { openid: kit.openid } }), 'package', /^prepay_id=.+/);
  await placed(pay.transactions_native(order('native')), 'code_url', /^weixin:/);
  await placed(pay.transactions_app(order('app')), 'prepayid', /.+/);
  await placed(pay.transactions_h5({
    ...order('h5'), scene_info: { payer_client_ip: '127.0.0.1', h5_info: { type: 'Wap' } },
  }), 'h5_url', /.+/);
  const found = await pay.query({ out_trade_no: 'node-v3-native' });
  assert.equal(found.status, 200, found.error);
  assert.equal(found.data.out_trade_no, 'node-v3-native');
  const closed = await pay.close('node-v3-native');
  assert.equal(closed.status, 204, closed.error);
  return ['orders'];
});

// Its verifySign and decipher_gcm, as its README does; without a certificate it can only decrypt.
async function notified(pay, keys, event) {
  const { value: [headers, body] } = await notifications.next();
  const message = JSON.parse(body);
  assert.equal(message.event_type, event);
  if (keys === 'certificate') {
    const verify = (body) => pay.verifySign({
      timestamp: headers['wechatpay-timestamp'],
      nonce: headers['wechatpay-nonce'],
      serial: headers['wechatpay-serial'],
      signature: headers['wechatpay-signature'],
      body,
    });
    assert.equal(await verify(message), true, 'its verifySign refused the notification');
    assert.equal(await verify({ ...message, id: 'another' }), false, 'its verifySign believed a notification that was changed');
  }
  return pay.decipher_gcm(message.resource.ciphertext, message.resource.associated_data, message.resource.nonce);
}

async function good(answer) {
  const { status, data, error } = await answer;
  assert.equal(status, 200, error);
  return data;
}

each('an order is paid, and a part is given back', async (kit, pay, keys) => {
  const number = 'node-v3-payment';
  const order = { description: '测试', out_trade_no: number, notify_url, amount: { total: 100 } };
  const signed = await good(pay.transactions_jsapi({ ...order, payer: { openid: kit.openid } }));
  const part = { out_trade_no: number, notify_url, amount: { refund: 30, total: 100, currency: 'CNY' } };
  assert.equal(Math.floor((await pay.refunds({ ...part, out_refund_no: 'node-v3-early' })).status / 100), 4);
  await weipay('pay', '--front-end', JSON.stringify(signed));
  const paid = await notified(pay, keys, 'TRANSACTION.SUCCESS');
  assert.deepEqual([paid.out_trade_no, paid.amount.total], [number, 100]);
  const found = await good(pay.query({ out_trade_no: number }));
  assert.deepEqual([found.trade_state, found.transaction_id], ['SUCCESS', paid.transaction_id]);

  const { refund_id } = await good(pay.refunds({ ...part, out_refund_no: 'node-v3-refund' }));
  await weipay('refund', refund_id, '--to', 'success');
  const refunded = await notified(pay, keys, 'REFUND.SUCCESS');
  assert.deepEqual([refunded.refund_id, refunded.amount.refund], [refund_id, 30]);
  assert.equal((await good(pay.find_refunds('node-v3-refund'))).status, 'SUCCESS');
  const unknown = await pay.query({ out_trade_no: 'node-v3-unknown' });
  assert.deepEqual([unknown.status, JSON.parse(unknown.error).code], [404, 'ORDER_NOT_EXIST']);
  const steps = ['payment', 'refund', 'unknown order'];
  return keys === 'none' ? steps : [...steps, 'payment notification', 'refund notification'];
});

each('the bill of a day is downloaded', async (kit, pay) => {
  const { download_url, hash_value } = await good(pay.tradebill({ bill_date: process.env.BILL_DATE, bill_type: 'ALL' }));
  // It signs the path of an official address; its sender of `createHttp` changes the host.
  const bill = await good(pay.downloadBill(download_url.replace(kit.host, official)));
  assert.equal(createHash('sha1').update(bill).digest('hex'), hash_value);
  return ['bill'];
});

each('others get a part of a payment, and a transfer', async (kit, pay, keys) => {
  const account = kit.openid, type = 'PERSONAL_OPENID', share = `node-v3-share-${keys}`;
  const wx_serial_no = kit.public_key_id ?? kit.platform_serial;
  const { transaction_id } = await good(pay.query({ out_trade_no: `past-${keys}` }));
  await good(pay.profitsharing_receivers_add({ appid: kit.appid, type, account, relation_type: 'USER', wx_serial_no }));
  await good(pay.create_profitsharing_orders({
    transaction_id, out_order_no: share, unfreeze_unsplit: true, wx_serial_no,
    receivers: [{ type, account, amount: 10, description: '分给一人' }],
  }));
  // It has no function for today's transfers.
  const bills = '/v3/fund-app/mch-transfer/transfer-bills';
  const { data: transfer } = await raw(kit, pay, keys, 'POST', bills, {
    appid: kit.appid, out_bill_no: 'nodetransfer', transfer_scene_id: '1000', openid: kit.openid, transfer_amount: 100, transfer_remark: '测试',
    notify_url, transfer_scene_report_infos: [
      { info_type: '活动名称', info_content: '新会员有礼' }, { info_type: '奖励说明', info_content: '注册会员抽奖' },
    ],
  });
  assert.equal(transfer.state, 'WAIT_USER_CONFIRM', JSON.stringify(transfer));
  await weipay('transfer', 'confirm', transfer.transfer_bill_no);
  await weipay('clock', 'advance', '5s');
  const done = await notified(pay, keys, 'MCHTRANSFER.BILL.FINISHED');
  assert.deepEqual([done.out_bill_no, done.state], ['nodetransfer', 'SUCCESS']);
  assert.equal((await raw(kit, pay, keys, 'GET', `${bills}/out-bill-no/nodetransfer`)).data.state, 'SUCCESS');
  const shared = await good(pay.query_profitsharing_orders(transaction_id, share));
  assert.deepEqual([shared.state, shared.receivers[0].result], ['FINISHED', 'SUCCESS']);
  return ['profit sharing', 'transfer', ...(keys === 'none' ? [] : ['transfer notification'])];
});

each('a coupon is created, sent, associated, disassociated, queried and used', async (kit, pay, keys) => {
  const beijing = (days) => new Date(Date.now() + days * 86_400_000 + 8 * 3_600_000).toISOString().replace(/\.\d+Z$/, '+08:00');
  const base = '/v3/marketing/busifavor';
  const post = async (path, body) => {
    const { status, data } = await raw(kit, pay, keys, 'POST', base + path, body);
    assert.equal(status, 200, JSON.stringify(data));
    return data;
  };
  const { stock_id } = await post('/stocks', {
    stock_name: '满十元减五元', belong_merchant: kit.mchid, goods_name: '全场通用', stock_type: 'NORMAL',
    coupon_use_rule: {
      coupon_available_time: { available_begin_time: beijing(-1), available_end_time: beijing(30) },
      fixed_normal_coupon: { discount_amount: 500, transaction_minimum: 1000 },
      use_method: 'OFF_LINE',
    },
    stock_send_rule: { max_coupons: 100, max_coupons_per_user: 10 },
    coupon_code_mode: 'WECHATPAY_MODE', out_request_no: 'node-v3-stock',
  });
  const user = { appid: kit.appid, openid: kit.openid };
  const sent = await post('/coupons/send', { ...user, stock_id, out_request_no: 'node-v3-send' });
  const { coupon_code } = sent.send_coupon_result ?? sent;
  const state = async () => {
    const { data } = await raw(kit, pay, keys, 'GET', `${base}/users/${kit.openid}/coupons/${coupon_code}/appids/${kit.appid}`);
    return [data.stock_id, data.coupon_state, data.associate_out_trade_no];
  };
  const tie = (verb) => ({ stock_id, coupon_code, out_trade_no: 'node-v3-order', out_request_no: `node-v3-${verb}` });
  assert.match((await post('/coupons/associate', tie('associate'))).wechatpay_associate_time, /\+08:00$/);
  assert.deepEqual(await state(), [stock_id, 'SENDED', 'node-v3-order']);
  assert.match((await post('/coupons/disassociate', tie('disassociate'))).wechatpay_disassociate_time, /\+08:00$/);
  assert.deepEqual(await state(), [stock_id, 'SENDED', undefined]);
  const used = await post('/coupons/use', { ...user, stock_id, coupon_code, use_time: beijing(0), use_request_no: 'node-v3-use' });
  assert.equal(used.openid, kit.openid);
  assert.deepEqual(await state(), [stock_id, 'USED', undefined]);
  return ['coupon story'];
});

each('the code of the platform reaches the caller', async (kit, pay, keys) => {
  const { status, data } = await raw(kit, pay, keys, 'POST', '/v3/marketing/busifavor/coupons/disassociate', {
    stock_id: '1', coupon_code: '1', out_trade_no: '1', out_request_no: '1',
  });
  assert.deepEqual([status, data.code], [400, 'INVALID_REQUEST']);
  const unknown = await pay.transactions_native({ description: '', out_trade_no: 'node-v3-wrong', notify_url: '', amount: { total: 0 } });
  assert.deepEqual([unknown.status, JSON.parse(unknown.error).code], [400, 'PARAM_ERROR']);
  return ['unknown coupon'];
});
