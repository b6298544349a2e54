"""wechatpayv3, unmodified, against `weipay sandbox`. Its hosts are constants: it comes by the proxy and the certificates that the
environment names, or the hosts are this machine. It verifies every successful response itself."""
import gzip
import hashlib
import json
import os
import queue
import subprocess
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.type import RequestType


class Kit(dict):
    """What the merchant of a kind knows, and where its files are."""

    def __init__(self, kind):
        name = f'KIT_{kind.upper().replace("-", "_")}'
        self.path = Path(os.environ.get(name) or exit(f'{name} is not set: run foreign/run'))
        super().__init__(json.loads(self.path.read_text()))

    def pem(self, member):
        return (self.path.parent / self[member]).read_text()

    def client(self, keys):
        public_key = {}
        if keys == 'public key':
            public_key = {'public_key': self.pem('public_key'), 'public_key_id': self['public_key_id']}
        return WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=self['mchid'],
            private_key=self.pem('merchant_key'),
            cert_serial_no=self['merchant_serial'],
            apiv3_key=self['api_v3_key'],
            appid=self['appid'],
            notify_url='https://example.com/notify',
            **public_key)


# Kinds of merchants, and the configurations of keys that fit each.
FITTING = [('public-key', 'public key'), ('certificate', 'certificate'),
           ('migration', 'public key'), ('migration', 'certificate')]


def weipay(*arguments):
    """What a person or time does: no client can do it."""
    subprocess.run([os.environ['WEIPAY'], 'sandbox', *arguments, '--data', os.environ['DATA']], check=True, capture_output=True)


class Receiver(BaseHTTPRequestHandler):
    """Receives notifications, and keeps them as they came."""
    received = queue.Queue()

    def do_POST(self):
        self.received.put((self.headers, self.rfile.read(int(self.headers['Content-Length']))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass


def beijing(days):
    return (datetime.now(timezone(timedelta(hours=8))) + timedelta(days=days)).isoformat(timespec='seconds')


class Sandbox(unittest.TestCase):
    def good(self, answer, code=200):
        self.assertEqual(answer[0], code, answer[1])
        return json.loads(answer[1] or '{}')

    def orders(self, kit, name, pay):
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

    def coupons(self, kit, name, pay):
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

    def notified(self, pay, event):
        headers, body = Receiver.received.get(timeout=30)
        message = pay.callback(headers, body)
        self.assertEqual(message['event_type'], event)
        self.assertIsNone(pay.callback(headers, body.replace(b'"create_time":"2', b'"create_time":"3')), 'a changed one was believed')
        return message['resource']

    def payments(self, kit, name, pay):
        number, notify_url = f'py-{name}-payment', self.receiver
        prepay_id = self.good(pay.pay(
            description='测试', out_trade_no=number, amount={'total': 100}, payer={'openid': kit['openid']}, notify_url=notify_url,
            pay_type=WeChatPayType.JSAPI))['prepay_id']
        status, message = pay.refund(f'py-{name}-early', {'refund': 30, 'total': 100, 'currency': 'CNY'}, out_trade_no=number)
        self.assertEqual(status // 100, 4, message)
        line = [kit['appid'], str(int(time.time())), 'nonce', f'prepay_id={prepay_id}']
        weipay('pay', '--front-end', json.dumps({
            'appId': line[0], 'timeStamp': line[1], 'nonceStr': line[2], 'package': line[3], 'signType': 'RSA', 'paySign': pay.sign(line)}))
        paid = self.notified(pay, 'TRANSACTION.SUCCESS')
        self.assertEqual((paid['out_trade_no'], paid['amount']['total']), (number, 100))
        found = self.good(pay.query(out_trade_no=number))
        self.assertEqual((found['trade_state'], found['transaction_id']), ('SUCCESS', paid['transaction_id']))

        refund = self.good(pay.refund(f'py-{name}-refund', {'refund': 30, 'total': 100, 'currency': 'CNY'}, out_trade_no=number,
                                      notify_url=notify_url))
        weipay('refund', refund['refund_id'], '--to', 'success')
        refunded = self.notified(pay, 'REFUND.SUCCESS')
        self.assertEqual((refunded['refund_id'], refunded['amount']['refund']), (refund['refund_id'], 30))
        self.assertEqual(self.good(pay.query_refund(f'py-{name}-refund'))['status'], 'SUCCESS')
        status, message = pay.query(out_trade_no=f'py-{name}-unknown')
        self.assertEqual((status, json.loads(message)['code']), (404, 'ORDER_NOT_EXIST'))

    def bill(self, kit, name, pay):
        bill = self.good(pay.trade_bill(os.environ['BILL_DATE']))
        status, content = pay.download_bill(bill['download_url'])
        self.assertEqual(status, 200, content)
        text = gzip.decompress(content)
        self.assertEqual(hashlib.sha1(text).hexdigest(), bill['hash_value'])

    def others(self, kit, name, pay):
        """Profit sharing and a transfer: the money reaches others."""
        person, past = kit['openid'], self.good(pay.query(out_trade_no=f'past-{name}'))['transaction_id']
        self.good(pay.profitsharing_add_receiver('PERSONAL_OPENID', person, 'USER'))
        share, bill = f'py-{name}-share', f'py{name}transfer'.replace('-', '')
        self.good(pay.profitsharing_order(past, share, [
            {'type': 'PERSONAL_OPENID', 'account': person, 'amount': 10, 'description': '分给一人'}], True))
        transfer = self.good(pay.mch_transfer_bills(bill, '1000', person, 100, '测试', notify_url=self.receiver, transfer_scene_report_infos=[
            {'info_type': '活动名称', 'info_content': '新会员有礼'}, {'info_type': '奖励说明', 'info_content': '注册会员抽奖'}]))
        self.assertEqual(transfer['state'], 'WAIT_USER_CONFIRM')
        weipay('transfer', 'confirm', transfer['transfer_bill_no'])
        weipay('clock', 'advance', '5s')
        self.assertEqual(self.notified(pay, 'MCHTRANSFER.BILL.FINISHED')['out_bill_no'], bill)
        self.assertEqual(self.good(pay.mch_transfer_bills_query(bill))['state'], 'SUCCESS')
        shared = self.good(pay.profitsharing_order_query(past, share))
        self.assertEqual((shared['state'], shared['receivers'][0]['result']), ('FINISHED', 'SUCCESS'))

    @classmethod
    def setUpClass(cls):
        cls.server = ThreadingHTTPServer(('127.0.0.1', 0), Receiver)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.receiver = f'http://127.0.0.1:{cls.server.server_port}/notify'

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def each(self, story, *steps):
        for kind, keys in FITTING:
            with self.subTest(kind=kind, keys=keys):
                kit = Kit(kind)
                story(kit, keys.replace(' ', '-'), kit.client(keys))
                for step in steps:
                    print(f'did: {kind} | {keys} | {step}')

    def test_orders(self):
        self.each(self.orders, 'orders')

    def test_payments(self):
        self.each(self.payments, 'payment', 'payment notification', 'refund', 'refund notification', 'unknown order')

    def test_bill(self):
        self.each(self.bill, 'bill')

    def test_others(self):
        self.each(self.others, 'profit sharing', 'transfer', 'transfer notification')

    def test_coupons(self):
        self.each(self.coupons, 'coupon story', 'unknown coupon')

    def test_a_response_that_another_key_signed_is_refused(self):
        kit = Kit('migration')
        other = Kit('public-key')
        kit['public_key'] = other.path.parent / other['public_key']
        with self.assertRaisesRegex(Exception, 'failed to verify the signature'):
            kit.client('public key').pay(description='测试', out_trade_no='py-other-key', amount={'total': 1})
        print('did: migration | public key | response of another key refused')
