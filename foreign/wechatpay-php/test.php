<?php
// The official PHP SDK, unmodified, against `weipay sandbox`: its `base_uri` names the sandbox; or it comes by the proxy and the
// certificates that the environment names; or the hosts are this machine. It verifies every successful response itself.
declare(strict_types=1);

require getenv('AUTOLOAD') ?: __DIR__ . '/vendor/autoload.php';

use GuzzleHttp\Exception\ClientException;
use GuzzleHttp\Exception\RequestException;
use WeChatPay\Builder;
use WeChatPay\Crypto\Rsa;

/** What the merchant of a kind knows, and where its files are. */
final class Kit
{
    public array $members;
    private string $folder;

    public function __construct(string $kind)
    {
        $name = 'KIT_' . strtoupper(str_replace('-', '_', $kind));
        $path = getenv($name) ?: exit("$name is not set: run foreign/run\n");
        $this->members = json_decode(file_get_contents($path), true, 512, JSON_THROW_ON_ERROR);
        $this->folder = dirname($path);
    }

    public function file(string $member): string
    {
        return 'file://' . $this->folder . '/' . $this->members[$member];
    }

    /** Its README's configuration: `certs` has what the platform has for the merchant. */
    public function client(string $keys, ?array $certs = null)
    {
        $all = [];
        if ($keys !== 'certificate') {
            $all[$this->members['public_key_id']] = Rsa::from($this->file('public_key'), Rsa::KEY_TYPE_PUBLIC);
        }
        if ($keys !== 'public key') {
            $all[$this->members['platform_serial']] = Rsa::from($this->file('platform_cert'), Rsa::KEY_TYPE_PUBLIC);
        }
        $base = getenv('WAY') === 'base-url' ? ['base_uri' => $this->members['base_url'] . '/'] : [];
        return Builder::factory($base + [
            'mchid' => $this->members['mchid'],
            'serial' => $this->members['merchant_serial'],
            'privateKey' => Rsa::from($this->file('merchant_key'), Rsa::KEY_TYPE_PRIVATE),
            'certs' => $certs ?? $all,
        ]);
    }
}

function same($expected, $seen): void
{
    if ($expected !== $seen) {
        throw new Exception('expected ' . json_encode($expected) . ', not ' . json_encode($seen));
    }
}

function filled($value): void
{
    if (!is_string($value) || $value === '') {
        throw new Exception('the response is empty');
    }
}

function decoded($response): array
{
    return json_decode((string) $response->getBody(), true, 512, JSON_THROW_ON_ERROR);
}

function beijing(int $days): string
{
    return (new DateTimeImmutable("$days days", new DateTimeZone('+08:00')))->format(DATE_RFC3339);
}

function orders(Kit $kit, $client): array
{
    ['appid' => $appid, 'mchid' => $mchid, 'openid' => $openid] = $kit->members;
    $place = static fn (string $kind, array $more = []) => decoded($client->chain("v3/pay/transactions/$kind")->post(['json' => [
        'appid' => $appid, 'mchid' => $mchid, 'description' => '测试', 'out_trade_no' => "php-$kind",
        'notify_url' => 'https://example.com/notify', 'amount' => ['total' => 1],
    ] + $more]));
    filled($place('jsapi', ['payer' => ['openid' => $openid]])['prepay_id']);
    filled($place('native')['code_url']);
    filled($place('app')['prepay_id']);
    filled($place('h5', ['scene_info' => ['payer_client_ip' => '127.0.0.1', 'h5_info' => ['type' => 'Wap']]])['h5_url']);
    $order = $client->v3->pay->transactions->outTradeNo->_out_trade_no_;
    $found = decoded($order->get(['query' => ['mchid' => $mchid], 'out_trade_no' => 'php-native']));
    same('php-native', $found['out_trade_no']);
    $closed = $order->close->post(['json' => ['mchid' => $mchid], 'out_trade_no' => 'php-native']);
    same(204, $closed->getStatusCode());
    return ['orders'];
}

function coupons(Kit $kit, $client): array
{
    ['appid' => $appid, 'mchid' => $mchid, 'openid' => $openid] = $kit->members;
    $post = static fn (string $path, array $body) =>
        decoded($client->chain("v3/marketing/busifavor/$path")->post(['json' => $body]));
    $stock = $post('stocks', [
        'stock_name' => '满十元减五元', 'belong_merchant' => $mchid, 'goods_name' => '全场通用', 'stock_type' => 'NORMAL',
        'coupon_use_rule' => [
            'coupon_available_time' => ['available_begin_time' => beijing(-1), 'available_end_time' => beijing(30)],
            'fixed_normal_coupon' => ['discount_amount' => 500, 'transaction_minimum' => 1000],
            'use_method' => 'OFF_LINE',
        ],
        'stock_send_rule' => ['max_coupons' => 100, 'max_coupons_per_user' => 10],
        'coupon_code_mode' => 'WECHATPAY_MODE', 'out_request_no' => 'php-stock',
    ])['stock_id'];
    $user = ['appid' => $appid, 'openid' => $openid];
    $sent = $post('coupons/send', $user + ['stock_id' => $stock, 'out_request_no' => 'php-send']);
    $code = $sent['send_coupon_result']['coupon_code'];
    $state = static function () use ($client, $user, $code): array {
        $coupon = decoded($client->v3->marketing->busifavor->users->_openid_->coupons->_coupon_code_->appids->_appid_
            ->get($user + ['coupon_code' => $code]));
        return [$coupon['stock_id'], $coupon['coupon_state'], $coupon['associate_out_trade_no'] ?? null];
    };
    $tie = static fn (string $verb) => ['stock_id' => $stock, 'coupon_code' => $code, 'out_trade_no' => 'php-order',
        'out_request_no' => "php-$verb"];
    filled($post('coupons/associate', $tie('associate'))['wechatpay_associate_time']);
    same([$stock, 'SENDED', 'php-order'], $state());
    filled($post('coupons/disassociate', $tie('disassociate'))['wechatpay_disassociate_time']);
    same([$stock, 'SENDED', null], $state());
    $used = $post('coupons/use', $user + ['stock_id' => $stock, 'coupon_code' => $code, 'use_time' => beijing(0),
        'use_request_no' => 'php-use']);
    same($openid, $used['openid']);
    same([$stock, 'USED', null], $state());
    try {
        $post('coupons/disassociate', ['coupon_code' => '1'] + $tie('unknown'));
    } catch (ClientException $error) {
        same(400, $error->getResponse()->getStatusCode());
        same('INVALID_REQUEST', decoded($error->getResponse())['code']);
        return ['coupon story', 'unknown coupon'];
    }
    throw new Exception('an unknown coupon was disassociated');
}

// Kinds of merchants, and the keys that fit each.
foreach ([['public-key', 'public key'], ['certificate', 'certificate'], ['migration', 'both']] as [$kind, $keys]) {
    $kit = new Kit($kind);
    foreach (['orders', 'coupons'] as $story) {
        foreach ($story($kit, $kit->client($keys)) as $step) {
            echo "did: $kind | $keys | $step\n";
        }
    }
}

$kit = new Kit('public-key');
$other = Rsa::from((new Kit('migration'))->file('public_key'), Rsa::KEY_TYPE_PUBLIC);
try {
    orders($kit, $kit->client('public key', [$kit->members['public_key_id'] => $other]));
} catch (RequestException $error) {
    if (strpos($error->getMessage(), 'erif') === false) {
        throw $error;
    }
    echo "did: public-key | public key | response of another key refused\n";
    exit(0);
}
throw new Exception('a response that another key signed was believed');
