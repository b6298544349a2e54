"""wechatpayv3, unmodified, against `weipay sandbox`. Its URLs are constants and it takes no transport, but a proxy: the one in
proxy.py, whose certificate `requests` trusts because REQUESTS_CA_BUNDLE names it. It verifies every successful answer itself."""
import json
import os
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.type import RequestType

import proxy

KIT = Path(os.environ.get('KIT') or exit('KIT is not set: run foreign/run'))
kit = json.loads(KIT.read_text())
folder = tempfile.TemporaryDirectory()
os.environ['REQUESTS_CA_BUNDLE'] = proxy.certificate(folder.name)
server = proxy.serve(os.environ['REQUESTS_CA_BUNDLE'], kit['base_url'].removeprefix('http://'))
PUBLIC_KEY = {'public_key': (KIT.parent / kit['public_key']).read_text(),
              'public_key_id': kit['public_key_id']}


def client(**keys):
    return WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=kit['mchid'],
        private_key=(KIT.parent / kit['merchant_key']).read_text(),
        cert_serial_no=kit['merchant_serial'],
        apiv3_key=kit['api_v3_key'],
        appid=kit['appid'],
        notify_url='https://example.com/notify',
        proxy={'https': f'http://127.0.0.1:{server.server_port}'},
        **keys)


def beijing(days):
    return (datetime.now(timezone(timedelta(hours=8))) + timedelta(days=days)).isoformat(timespec='seconds')


class Sandbox(unittest.TestCase):
    def good(self, answer, code=200):
        self.assertEqual(answer[0], code, answer[1])
        return json.loads(answer[1] or '{}')

    def orders(self, name, pay):
        order = lambda kind: {'description': '测试', 'out_trade_no': f'py-{name}-{kind}', 'amount': {'total': 1}}
        place = lambda kind, type, **more: self.good(pay.pay(**order(kind), pay_type=type, **more))
        self.assertTrue(place('jsapi', WeChatPayType.JSAPI, payer={'openid': kit['openid']})['prepay_id'])
        self.assertTrue(place('native', WeChatPayType.NATIVE)['code_url'])
        self.assertTrue(place('app', WeChatPayType.APP)['prepay_id'])
        scene = {'payer_client_ip': '127.0.0.1', 'h5_info': {'type': 'Wap'}}
        self.assertTrue(place('h5', WeChatPayType.H5, scene_info=scene)['h5_url'])
        found = self.good(pay.query(out_trade_no=f'py-{name}-native'))
        self.assertEqual(found['out_trade_no'], f'py-{name}-native')
        self.good(pay.close(f'py-{name}-native'), 204)
        print(f'did: orders ({name})')

    def coupons(self, name, pay):
        stock = self.good(pay.marketing_busifavor_stock_create(
            stock_name='满十元减五元', belong_merchant=kit['mchid'], goods_name='全场通用', stock_type='NORMAL',
            coupon_use_rule={
                'coupon_available_time': {'available_begin_time': beijing(-1), 'available_end_time': beijing(30)},
                'fixed_normal_coupon': {'discount_amount': 500, 'transaction_minimum': 1000},
                'use_method': 'OFF_LINE'},
            stock_send_rule={'max_coupons': 100, 'max_coupons_per_user': 10},
            out_request_no=f'py-{name}-stock', coupon_code_mode='WECHATPAY_MODE'))['stock_id']
        # It has no function that sends a coupon: this is what each of its functions ends with.
        sent = self.good(pay._core.request('/v3/marketing/busifavor/coupons/send', RequestType.POST, {
            'appid': kit['appid'], 'openid': kit['openid'], 'stock_id': stock, 'out_request_no': f'py-{name}-send'}))
        code = sent['send_coupon_result']['coupon_code']

        def state():
            found = self.good(pay.marketing_busifavor_coupon_detail(code, kit['openid']))
            return found['stock_id'], found['coupon_state'], found.get('associate_out_trade_no')

        tied = self.good(pay.marketing_busifavor_coupon_associate(stock, code, f'py-{name}-order', f'py-{name}-associate'))
        self.assertRegex(tied['wechatpay_associate_time'], r'\+08:00$')
        self.assertEqual(state(), (stock, 'SENDED', f'py-{name}-order'))
        freed = self.good(pay.marketing_busifavor_coupon_disassociate(stock, code, f'py-{name}-order', f'py-{name}-disassociate'))
        self.assertRegex(freed['wechatpay_disassociate_time'], r'\+08:00$')
        self.assertEqual(state(), (stock, 'SENDED', None))
        used = self.good(pay.marketing_busifavor_coupon_use(code, beijing(0), f'py-{name}-use', stock, kit['openid']))
        self.assertEqual(used['openid'], kit['openid'])
        self.assertEqual(state(), (stock, 'USED', None))

        status, message = pay.marketing_busifavor_coupon_disassociate('1', '1', '1', '1')
        self.assertEqual((status, json.loads(message)['code']), (400, 'INVALID_REQUEST'))
        print(f'did: coupon story, unknown coupon ({name})')

    def test_orders_with_the_platform_certificate(self):
        self.orders('certificate', client())

    def test_orders_with_the_public_key(self):
        self.orders('public-key', client(**PUBLIC_KEY))

    def test_coupons_with_the_platform_certificate(self):
        self.coupons('certificate', client())

    def test_coupons_with_the_public_key(self):
        self.coupons('public-key', client(**PUBLIC_KEY))

    def test_an_answer_that_was_changed_on_the_way_is_refused(self):
        pay = client(**PUBLIC_KEY)
        server.change = lambda body: body.replace(b'weixin:', b'weixin!')
        self.addCleanup(setattr, server, 'change', lambda body: body)
        with self.assertRaisesRegex(Exception, 'failed to verify the signature'):
            pay.pay(description='测试', out_trade_no='py-changed', amount={'total': 1})
