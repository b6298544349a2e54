//! `kit.txt`: which lines each known SDK needs to talk to the sandbox with this kit. It names files and shows no key.

use std::fmt::Write;

use weipay_wire::Kit;

use super::KitOnDisk;

/// The text for a kit, by what the platform has for its merchant.
pub(super) fn text(kit: &KitOnDisk) -> String {
    let members = kit.kit();
    let file = |name: &str| kit.dir().join(name).display().to_string();
    let mut text = head(members);
    // Writing to a String cannot fail.
    let mut section = |name: &str, lines: &str| {
        let _ = write!(text, "\n== {name}\n{lines}");
    };
    let (mchid, serial, key) = (&members.mchid, &members.merchant_serial, file(&members.merchant_key));
    let base_url = &members.base_url;
    let public_key = members.public_key_id.as_deref().zip(members.public_key.as_deref().map(file));
    let certificate = members.platform_serial.as_deref().zip(members.platform_cert.as_deref().map(file));
    section(
        "weipay (Rust)",
        &format!(
            "Client::from_kit(\"{}\")\nor in a shell: eval \"$(weipay sandbox env --data DIR)\"\n",
            kit.file().display()
        ),
    );
    if let Some((id, file)) = &public_key {
        section(
            "wechatpay-java, public key (official host names: through a proxy or its own HttpClient)",
            &format!(
                "new RSAPublicKeyConfig.Builder().merchantId(\"{mchid}\").privateKeyFromPath(\"{key}\")\n    \
                 .publicKeyFromPath(\"{file}\").publicKeyId(\"{id}\")\n    \
                 .merchantSerialNumber(\"{serial}\").apiV3Key(api_v3_key).build()\n"
            ),
        );
        section(
            "wechatpay-go, public key (official host names: through an http.RoundTripper)",
            &format!(
                "option.WithWechatPayPublicKeyAuthCipher(\"{mchid}\", \"{serial}\", privateKey, \"{id}\", publicKey)\n"
            ),
        );
        section(
            "wechatpay-php, public key",
            &format!(
                "Builder::factory(['base_uri' => '{base_url}/', 'mchid' => '{mchid}', 'serial' => '{serial}',\n    'privateKey' => Rsa::from('file://{key}'), 'certs' => ['{id}' => Rsa::from('file://{file}', Rsa::KEY_TYPE_PUBLIC)]])\n"
            ),
        );
        section(
            "wechatpay-axios-plugin, public key",
            &format!(
                "new Wechatpay({{ baseURL: '{base_url}/', mchid: '{mchid}', serial: '{serial}',\n    privateKey: Rsa.from('file://{key}', Rsa.KEY_TYPE_PRIVATE), certs: {{ '{id}': Rsa.from('file://{file}', Rsa.KEY_TYPE_PUBLIC) }} }})\n"
            ),
        );
        section(
            "wechatpayv3 (Python), public key (official host names: through its proxy parameter)",
            &format!(
                "WeChatPay(mchid='{mchid}', private_key=open('{key}').read(), cert_serial_no='{serial}', apiv3_key=api_v3_key,\n    public_key=open('{file}').read(), public_key_id='{id}')\n"
            ),
        );
        section(
            "wechatpay-node-v3, public key",
            &format!(
                "new WxPay({{ mchid: '{mchid}', serial_no: '{serial}', privateKey: readFileSync('{key}'), publicKey: readFileSync('{}') }})\nand client.autoVerifySignByPublicKey('{id}', readFileSync('{file}'))\n",
                self::merchant_cert(kit)
            ),
        );
        section(
            "gopay, public key",
            &format!(
                "client, _ := wechat.NewClientV3(\"{mchid}\", \"{serial}\", apiV3Key, privateKey)\nclient.SetProxyHost(\"{base_url}\")\nclient.AutoVerifySignByPublicKey(publicKey, \"{id}\") // {file}\n"
            ),
        );
        section(
            "WxJava, public key (official host names: through its HTTP proxy)",
            &format!(
                "config.setMchId(\"{mchid}\"); config.setCertSerialNo(\"{serial}\"); config.setPrivateKeyPath(\"{key}\");\nconfig.setPublicKeyId(\"{id}\"); config.setPublicKeyPath(\"{file}\"); config.setApiV3Key(api_v3_key);\n"
            ),
        );
    }
    if let Some((platform_serial, file)) = &certificate {
        section(
            "wechatpay-java, certificates that are fetched (official host names: through a proxy or its own HttpClient)",
            &format!(
                "new RSAAutoCertificateConfig.Builder().merchantId(\"{mchid}\").privateKeyFromPath(\"{key}\")\n    \
                 .merchantSerialNumber(\"{serial}\").apiV3Key(api_v3_key).build()\n"
            ),
        );
        section(
            "wechatpay-go, certificates that are fetched (official host names: through an http.RoundTripper)",
            &format!("option.WithWechatPayAutoAuthCipher(\"{mchid}\", \"{serial}\", privateKey, apiV3Key)\n"),
        );
        section(
            "wechatpay-php and wechatpay-axios-plugin, certificate",
            &format!(
                "the same with '{platform_serial}' => Rsa::from('file://{file}', Rsa::KEY_TYPE_PUBLIC) in certs\n"
            ),
        );
        section(
            "wechatpayv3 (Python), certificate (official host names: through its proxy parameter)",
            &format!(
                "WeChatPay(mchid='{mchid}', private_key=open('{key}').read(), cert_serial_no='{serial}', apiv3_key=api_v3_key, cert_dir='certs')\n"
            ),
        );
        section(
            "gopay, certificates that are fetched",
            &format!(
                "client, _ := wechat.NewClientV3(\"{mchid}\", \"{serial}\", apiV3Key, privateKey)\nclient.SetProxyHost(\"{base_url}\")\nclient.AutoVerifySign()\n"
            ),
        );
    }
    text
}

fn merchant_cert(kit: &KitOnDisk) -> String {
    kit.dir().join(&kit.kit().merchant_cert).display().to_string()
}

fn head(kit: &Kit) -> String {
    let has = match (&kit.public_key_id, &kit.platform_serial) {
        (Some(_), Some(_)) => "a public key (微信支付公钥) and a certificate (平台证书)",
        (Some(_), None) => "a public key (微信支付公钥) and no certificate: /v3/certificates gives 404",
        (None, _) => "a certificate (平台证书) and no public key",
    };
    format!(
        "Kit of merchant {} in a sandbox at {}\n\
         The platform has {has}.\n\
         Members of kit.json that are null do not exist for this merchant. Where `api_v3_key` stands below, take it from kit.json.\n\
         SDKs whose host names are fixed reach the sandbox through a proxy.\n",
        kit.mchid, kit.base_url
    )
}
