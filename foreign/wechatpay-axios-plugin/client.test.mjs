// wechatpay-axios-plugin, unmodified and in its own words, against `weipay sandbox`: its `baseURL` names the sandbox; or it comes by
// the proxy and the certificates that the environment names; or the hosts are this machine. It verifies every successful response
// itself, and refuses one that somebody changed on the way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import plugin from 'wechatpay-axios-plugin';

const { Rsa, Wechatpay } = plugin;

// What the merchant of a kind knows, and where its files are.
function kitOf(kind) {
  const path = process.env[`KIT_${kind.toUpperCase().replaceAll('-', '_')}`];
  if (!path) throw new Error(`KIT_... of ${kind} is not set: run foreign/run`);
  const kit = JSON.parse(readFileSync(path, 'utf8'));
  return { ...kit, pem: (member) => readFileSync(join(dirname(path), kit[member])) };
}

// Its README's configuration: `certs` has what the platform has for the merchant.
function client(kit, options = {}) {
  const certs = {};
  if (kit.platform_serial) certs[kit.platform_serial] = Rsa.from(kit.pem('platform_cert'), Rsa.KEY_TYPE_PUBLIC);
  if (kit.public_key_id) certs[kit.public_key_id] = Rsa.from(kit.pem('public_key'), Rsa.KEY_TYPE_PUBLIC);
  return new Wechatpay({
    ...(process.env.WAY === 'base-url' && { baseURL: kit.base_url }),
    mchid: kit.mchid,
    serial: kit.merchant_serial,
    privateKey: Rsa.from(kit.pem('merchant_key'), Rsa.KEY_TYPE_PRIVATE),
    certs,
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
