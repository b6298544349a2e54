//! The signed parameters that a page, a mini program or an app opens the payment with (调起支付), checked as the
//! app does. The app says only "支付验证签名失败"; here it is said which member differs.

use serde_json::{Map, Value};
use weipay_wire::{ApiV2Key, PublicKey, SignType};

/// The parameters, read.
pub(super) struct FrontEnd {
    appid: String,
    /// Of an app.
    partnerid: Option<String>,
    pub(super) prepay_id: String,
    sign: String,
    /// The lines that are signed.
    lines: [String; 4],
    /// All members but the signature, which an order of APIv2 signs.
    fields: Vec<(String, String)>,
    is_app: bool,
}

/// How the parameters of an order are signed.
pub(super) enum Signing<'a> {
    /// By the private key of the merchant.
    V3(&'a PublicKey),
    /// By the APIv2 key, in the way in which the order was signed.
    V2(&'a ApiV2Key, SignType),
}

pub(super) const JSAPI: [&str; 6] = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];
pub(super) const APP: [&str; 7] =
    ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"];

impl FrontEnd {
    /// Reads what was given to the front end.
    ///
    /// # Errors
    ///
    /// Parameters that are missing or malformed.
    pub(super) fn read(members: &Map<String, Value>) -> Result<Self, String> {
        let is_app = members.contains_key("prepayid") || members.contains_key("partnerid");
        let names: &[&'static str] = if is_app { &APP } else { &JSAPI };
        let text = |name: &'static str| text(members, name, names);
        for name in names {
            text(name)?;
        }
        let is_signed = |name: &&&str| !matches!(**name, "sign" | "paySign");
        let fields = names.iter().filter(is_signed).map(|name| Ok(((*name).to_owned(), text(name)?)));
        let fields = fields.collect::<Result<Vec<_>, String>>()?;
        let package = text("package")?;
        if is_app {
            if package != "Sign=WXPay" {
                return Err("package must be Sign=WXPay in an app".to_owned());
            }
            let (appid, prepay_id) = (text("appid")?, text("prepayid")?);
            check_timestamp("timestamp", &text("timestamp")?)?;
            let lines = [appid.clone(), text("timestamp")?, text("noncestr")?, prepay_id.clone()];
            let partnerid = Some(text("partnerid")?);
            return Ok(Self { appid, partnerid, prepay_id, sign: text("sign")?, lines, fields, is_app });
        }
        let prepay_id = package.strip_prefix("prepay_id=").filter(|id| !id.is_empty());
        let prepay_id =
            prepay_id.ok_or("package must be prepay_id= and the prepay_id of the order")?.to_owned();
        check_timestamp("timeStamp", &text("timeStamp")?)?;
        let appid = text("appId")?;
        let lines = [appid.clone(), text("timeStamp")?, text("nonceStr")?, package.clone()];
        Ok(Self { appid, partnerid: None, prepay_id, sign: text("paySign")?, lines, fields, is_app })
    }

    /// Checks the appid, the merchant and the signature.
    ///
    /// # Errors
    ///
    /// The difference, and the message that should have been signed.
    pub(super) fn check(
        &self,
        appids: &[&str],
        mchids: &[&str],
        is_app: bool,
        signing: &Signing<'_>,
    ) -> Result<(), String> {
        let name = if self.is_app { "appid" } else { "appId" };
        if self.is_app != is_app {
            return Err("these parameters are for another product: an APP order is opened by an app, a JSAPI order by a page or a mini program".to_owned());
        }
        if !appids.contains(&self.appid.as_str()) {
            return Err(format!(
                "{name} differs from the appid with which the order was made: {}",
                appids.join(" or ")
            ));
        }
        if self.partnerid.as_deref().is_some_and(|partnerid| !mchids.contains(&partnerid)) {
            return Err(format!("partnerid differs from the merchant of the order: {}", mchids.join(" or ")));
        }
        match signing {
            Signing::V3(key) => self.check_v3(key),
            Signing::V2(key, sign_type) => self.check_v2(key, *sign_type),
        }
    }

    fn sign_name(&self) -> &'static str {
        if self.is_app { "sign" } else { "paySign" }
    }

    /// The member that says how it is signed, which an app does not have.
    fn check_sign_type(&self, wanted: &str, version: &str) -> Result<(), String> {
        let mut given = self.fields.iter().filter(|(name, _)| name == "signType");
        if given.all(|(_, value)| value == wanted) {
            return Ok(());
        }
        Err(format!("signType must be {wanted} for this order: it was made by {version}"))
    }

    fn check_v2(&self, key: &ApiV2Key, sign_type: SignType) -> Result<(), String> {
        self.check_sign_type(sign_type.as_str(), "APIv2, and its request was signed with it")?;
        let sign = |kind| key.sign(kind, self.fields.iter().map(|(name, value)| (&**name, &**value)));
        if self.sign == sign(sign_type) {
            return Ok(());
        }
        let other = match sign_type {
            SignType::Md5 => SignType::HmacSha256,
            SignType::HmacSha256 => SignType::Md5,
        };
        let cause = if self.sign == sign(other) {
            format!("it was signed with {}", other.as_str())
        } else if self.sign == sign(sign_type).to_ascii_lowercase() {
            "it is in lower case, but must be in upper case".to_owned()
        } else if self.sign.len() > 64 {
            "it looks like RSA, which only orders of APIv3 take".to_owned()
        } else {
            "a member differs from what was signed, or another key signed".to_owned()
        };
        let names: Vec<_> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        Err(format!(
            "{} is wrong: {cause}. It should be {} with the APIv2 key of the order's merchant, over {} in the order of their names",
            self.sign_name(),
            sign_type.as_str(),
            names.join(", ")
        ))
    }

    fn check_v3(&self, key: &PublicKey) -> Result<(), String> {
        self.check_sign_type("RSA", "APIv3")?;
        if self.verifies(&self.lines, key) {
            return Ok(());
        }
        let sign = self.sign_name();
        Err(format!(
            "{sign} is wrong: {}. It should be SHA256 with RSA by the private key of the order's merchant, in base64, over four lines that each end with a line feed: {:?}",
            self.cause(key),
            message(&self.lines)
        ))
    }

    fn verifies(&self, lines: &[String], key: &PublicKey) -> bool {
        key.verify(message(lines).as_bytes(), &self.sign).is_ok()
    }

    fn cause(&self, key: &PublicKey) -> &'static str {
        let [appid, time, nonce, _] = &self.lines;
        let with = |last: &str| [appid.clone(), time.clone(), nonce.clone(), last.to_owned()];
        if self.is_app && self.verifies(&with(&format!("prepay_id={}", self.prepay_id)), key) {
            return "the last line of an app is the bare prepayid, without prepay_id=";
        }
        if self.is_app && self.verifies(&with("Sign=WXPay"), key) {
            return "package was signed; the last line of an app is the prepayid";
        }
        if !self.is_app && self.verifies(&with(&self.prepay_id), key) {
            return "the last line is the whole package, with prepay_id=";
        }
        let text = message(&self.lines);
        if key.verify(text.trim_end().as_bytes(), &self.sign).is_ok() {
            return "the last line feed was not signed";
        }
        for order in [[0, 2, 1, 3], [1, 0, 2, 3], [1, 2, 0, 3]] {
            if self.verifies(&order.map(|place: usize| self.lines[place].clone()), key) {
                return "the lines were signed in another order";
            }
        }
        if self.sign.len() == 32 || self.sign.len() == 64 {
            return "it looks like MD5 or HMAC-SHA256, which only orders of APIv2 take";
        }
        "the time, the nonce or the package differ from those that were signed, or another key signed"
    }
}

fn message(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn text(members: &Map<String, Value>, name: &'static str, names: &[&'static str]) -> Result<String, String> {
    match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::Number(_)) => Err(format!("{name} must be a text, in quotation marks")),
        Some(_) => Err(format!("{name} must be a text that is not empty")),
        None => {
            let similar =
                members.keys().find(|key| key.eq_ignore_ascii_case(name) && !names.contains(&&***key));
            Err(match similar {
                Some(_) => format!(
                    "{name} is missing: a member differs only in upper and lower case; spell it {name}"
                ),
                None => format!("{name} is missing; the parameters are {}", names.join(", ")),
            })
        }
    }
}

fn check_timestamp(name: &str, text: &str) -> Result<(), String> {
    if text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("{name} must be the time in seconds, 10 digits; milliseconds have 13"))
}
