// wechatpay-node-v3, unmodified, against `weipay sandbox`. Its hosts are constants, and superagent, with which it sends, knows no
// proxy: the hosts are this machine. Where they cannot be, its own `createHttp` puts another host before its paths, which is not part
// of what is signed. For what it has no function for, its README signs with its functions and sends with superagent. It takes no
// public key of the platform, only the platform certificates, which it downloads itself; and it verifies a response only when it is
// asked to.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import request from 'superagent';
import WxPay from 'wechatpay-node-v3';
import transport from 'wechatpay-node-v3/dist/lib/pay-request.js';

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
