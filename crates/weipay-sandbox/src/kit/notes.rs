//! `kit.txt`: which lines each known SDK needs to talk to the sandbox with this kit, as its README writes
//! them. It names files and shows no key. `foreign/` runs these configurations.

use std::fmt::Write;
use std::path::Path;

use weipay_wire::Kit;

use super::{KitOnDisk, MERCHANT_P12};
use crate::data_folder::CA_CERTIFICATE;

/// The SDKs that only know the platform's own hosts.
const FIXED_HOSTS: &str = "comes by `weipay sandbox run`";

/// The text for a kit, by what the platform has for its merchant.
pub(super) fn text(kit: &KitOnDisk) -> String {
    let members = kit.kit();
    let mut text = head(members, kit.home());
    let client = format!(
        "Client::from_kit(\"{}\")\nor in a shell: eval \"$(weipay sandbox env --data '{}')\"\n",
        kit.file().display(),
        kit.dir().display()
    );
    section(&mut text, "weipay (Rust)", &client);
    let values = Values::new(kit);
    if let (Some(id), Some(file)) = (&members.public_key_id, &members.public_key) {
        public_key(&mut text, &values, id, &values.path(file));
    }
    if let (Some(serial), Some(file)) = (&members.platform_serial, &members.platform_cert) {
        certificate(&mut text, &values, serial, &values.path(file));
    }
    text
}

/// The variables of many lines.
struct Values<'a> {
    kit: &'a KitOnDisk,
    base_url: &'a str,
    mchid: &'a str,
    appid: &'a str,
    serial: &'a str,
    /// The files of the merchant.
    key: String,
    cert: String,
}

impl<'a> Values<'a> {
    fn new(kit: &'a KitOnDisk) -> Self {
        let members = kit.kit();
        let path = |name: &str| kit.dir().join(name).display().to_string();
        Self {
            kit,
            base_url: &members.base_url,
            mchid: &members.mchid,
            appid: &members.appid,
            serial: &members.merchant_serial,
            key: path(&members.merchant_key),
            cert: path(&members.merchant_cert),
        }
    }

    fn path(&self, name: &str) -> String {
        self.kit.dir().join(name).display().to_string()
    }
}

fn section(text: &mut String, name: &str, lines: &str) {
    // Writing to a String cannot fail.
    let _ = write!(text, "\n== {name}\n{lines}");
}

fn public_key(text: &mut String, values: &Values<'_>, id: &str, file: &str) {
    let Values { mchid, appid, serial, key, cert, .. } = values;
    let mut section = |name: &str, lines: &str| section(text, name, lines);
    section(
        &format!("wechatpay-java, public key ({FIXED_HOSTS})"),
        &format!(
            "new RSAPublicKeyConfig.Builder().merchantId(\"{mchid}\").privateKeyFromPath(\"{key}\")\n    \
             .publicKeyFromPath(\"{file}\").publicKeyId(\"{id}\")\n    \
             .merchantSerialNumber(\"{serial}\").apiV3Key(api_v3_key).build()\n"
        ),
    );
    section(
        &format!("wechatpay-go, public key ({FIXED_HOSTS})"),
        &format!(
            "privateKey, err := utils.LoadPrivateKeyWithPath(\"{key}\")\n\
             publicKey, err := utils.LoadPublicKeyWithPath(\"{file}\")\n\
             core.NewClient(ctx, option.WithWechatPayPublicKeyAuthCipher(\"{mchid}\", \"{serial}\", privateKey, \"{id}\", publicKey))\n"
        ),
    );
    section("wechatpay-php, public key", &php(values, id, file));
    section("wechatpay-axios-plugin, public key", &axios_plugin(values, id, file));
    section(
        &format!("wechatpayv3 (Python), public key ({FIXED_HOSTS})"),
        &format!("{}\n    public_key=open('{file}').read(), public_key_id='{id}')\n", python(values)),
    );
    section(
        "wechatpay-node-v3: it does not support the public key of the platform, so it cannot verify signatures",
        &format!("{}Do not call verifySign.\n", node_v3(appid, mchid, key, cert)),
    );
    section(
        "gopay, public key",
        &format!("{}client.AutoVerifySignByPublicKey(publicKey, \"{id}\") // {file}\n", gopay(values)),
    );
    section(
        &format!("WxJava, public key ({FIXED_HOSTS}, and setHttpProxyHost, setHttpProxyPort)"),
        &format!(
            "{}config.setPublicKeyId(\"{id}\"); config.setPublicKeyPath(\"{file}\"); config.setFullPublicKeyModel(true);\n",
            wx_java(values)
        ),
    );
}

fn certificate(text: &mut String, values: &Values<'_>, platform_serial: &str, file: &str) {
    let Values { mchid, appid, serial, key, cert, .. } = values;
    let mut section = |name: &str, lines: &str| section(text, name, lines);
    section(
        &format!("wechatpay-java, certificates that are fetched ({FIXED_HOSTS})"),
        &format!(
            "new RSAAutoCertificateConfig.Builder().merchantId(\"{mchid}\").privateKeyFromPath(\"{key}\")\n    \
             .merchantSerialNumber(\"{serial}\").apiV3Key(api_v3_key).build()\n"
        ),
    );
    section(
        &format!("wechatpay-go, certificates that are fetched ({FIXED_HOSTS})"),
        &format!(
            "privateKey, err := utils.LoadPrivateKeyWithPath(\"{key}\")\n\
             core.NewClient(ctx, option.WithWechatPayAutoAuthCipher(\"{mchid}\", \"{serial}\", privateKey, apiV3Key))\n"
        ),
    );
    section("wechatpay-php, certificate", &php(values, platform_serial, file));
    section("wechatpay-axios-plugin, certificate", &axios_plugin(values, platform_serial, file));
    section(
        &format!("wechatpayv3 (Python), certificates that are fetched ({FIXED_HOSTS})"),
        &format!("{})\n", python(values).trim_end_matches(',')),
    );
    section(
        "wechatpay-node-v3, certificates that are fetched (createHttp, or the official hosts lead to the sandbox)",
        &node_v3(appid, mchid, key, cert),
    );
    section("gopay, certificates that are fetched", &format!("{}client.AutoVerifySign()\n", gopay(values)));
    section(
        &format!(
            "WxJava, certificates that are fetched ({FIXED_HOSTS}, and setHttpProxyHost, setHttpProxyPort)"
        ),
        &wx_java(values),
    );
}

/// With what verifies the platform's signatures: the serial of a certificate, or the number of a public key, and its file.
fn php(values: &Values<'_>, serial_of_platform: &str, file: &str) -> String {
    let Values { base_url, mchid, serial, key, .. } = values;
    format!(
        "Builder::factory(['base_uri' => '{base_url}/', 'mchid' => '{mchid}', 'serial' => '{serial}',\n    \
         'privateKey' => Rsa::from('file://{key}', Rsa::KEY_TYPE_PRIVATE),\n    \
         'certs' => ['{serial_of_platform}' => Rsa::from('file://{file}', Rsa::KEY_TYPE_PUBLIC)]])\n"
    )
}

/// The same for `wechatpay-axios-plugin`.
fn axios_plugin(values: &Values<'_>, serial_of_platform: &str, file: &str) -> String {
    let Values { base_url, mchid, serial, key, .. } = values;
    format!(
        "new Wechatpay({{ baseURL: '{base_url}/', mchid: '{mchid}', serial: '{serial}',\n    \
         privateKey: Rsa.from('file://{key}', Rsa.KEY_TYPE_PRIVATE),\n    \
         certs: {{ '{serial_of_platform}': Rsa.from('file://{file}', Rsa.KEY_TYPE_PUBLIC) }} }})\n"
    )
}

fn python(values: &Values<'_>) -> String {
    let Values { mchid, appid, serial, key, .. } = values;
    format!(
        "WeChatPay(wechatpay_type=WeChatPayType.NATIVE, mchid='{mchid}', private_key=open('{key}').read(),\n    \
         cert_serial_no='{serial}', apiv3_key=api_v3_key, appid='{appid}', notify_url=notify_url,"
    )
}

fn node_v3(appid: &str, mchid: &str, key: &str, cert: &str) -> String {
    format!(
        "new WxPay({{ appid: '{appid}', mchid: '{mchid}', key: api_v3_key,\n    \
         publicKey: readFileSync('{cert}'), privateKey: readFileSync('{key}') }})\n"
    )
}

fn gopay(values: &Values<'_>) -> String {
    let Values { base_url, mchid, serial, key, .. } = values;
    format!(
        "client, err := wechat.NewClientV3(\"{mchid}\", \"{serial}\", apiV3Key, privateKey) // {key}\n\
         client.SetProxyHost(\"{base_url}\")\n\
         // V3BillDownLoadBill takes only addresses with \".com\", of which it uses the path: before that call replace\n\
         // \"{base_url}\" in the download_url by \"https://api.mch.weixin.qq.com\".\n"
    )
}

fn wx_java(values: &Values<'_>) -> String {
    let Values { mchid, appid, key, cert, .. } = values;
    let p12 = values.path(MERCHANT_P12);
    format!(
        "config.setAppId(\"{appid}\"); config.setMchId(\"{mchid}\"); config.setApiV3Key(api_v3_key);\n\
         config.setPrivateKeyPath(\"{key}\"); config.setPrivateCertPath(\"{cert}\");\n\
         config.setMchKey(api_v2_key); config.setKeyPath(\"{p12}\"); // for APIv2\n"
    )
}

fn head(kit: &Kit, home: &Path) -> String {
    let has = match (&kit.public_key_id, &kit.platform_serial) {
        (Some(_), Some(_)) => "a public key (微信支付公钥) and a certificate (平台证书)",
        (Some(_), None) => "a public key (微信支付公钥) and no certificate: /v3/certificates gives 404",
        (None, _) => "a certificate (平台证书) and no public key",
    };
    format!(
        "Kit of merchant {} in a sandbox at {}\n\
         The platform has {has}.\n\
         Members of kit.json that are null do not exist for this merchant. Names such as `api_v3_key` or\n\
         `apiV3Key` below stand for values of kit.json.\n\
         SDKs whose host names are fixed run inside\n\
         \x20 weipay sandbox run --data '{home}' -- COMMAND\n\
         which starts the sandbox of that folder, where none runs yet, and sets the proxy and the trust in\n\
         its certificates for Go, Java, Node.js, PHP and Python. Where it runs already, set\n\
         \x20 HTTPS_PROXY={base_url}\n\
         \x20 SSL_CERT_FILE={ca}\n\
         Python with requests: REQUESTS_CA_BUNDLE; Node.js: NODE_EXTRA_CA_CERTS and NODE_USE_ENV_PROXY=1;\n\
         Java: https.proxyHost, https.proxyPort and a trust store with that certificate.\n",
        kit.mchid,
        kit.base_url,
        home = home.display(),
        base_url = kit.base_url,
        ca = home.join(CA_CERTIFICATE).display(),
    )
}
