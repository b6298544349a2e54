//! The signed parameters that a page, a mini program or an app opens the payment with (调起支付), checked as the app does. The app says
//! only "支付验证签名失败"; here it is said which member differs.

use serde_json::{Map, Value};
use weipay_wire::PublicKey;

/// The parameters, read.
pub(super) struct FrontEnd {
    appid: String,
    pub(super) prepay_id: String,
    sign: String,
    /// The lines that are signed.
    lines: [String; 4],
    is_app: bool,
}

const JSAPI: [&str; 6] = ["appId", "timeStamp", "nonceStr", "package", "signType", "paySign"];
const APP: [&str; 7] = ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"];

impl FrontEnd {
    /// Reads what was given to the front end.
    ///
    /// # Errors
    /// What is missing or does not have its form.
    pub(super) fn read(members: &Map<String, Value>) -> Result<Self, String> {
        let is_app = members.contains_key("prepayid") || members.contains_key("partnerid");
        let names: &[&'static str] = if is_app { &APP } else { &JSAPI };
        let text = |name: &'static str| text(members, name, names);
        for name in names {
            text(name)?;
        }
        let package = text("package")?;
        if is_app {
            if package != "Sign=WXPay" {
                return Err("package must be Sign=WXPay in an app".to_owned());
            }
            let (appid, prepay_id) = (text("appid")?, text("prepayid")?);
            check_timestamp("timestamp", &text("timestamp")?)?;
            let lines = [appid.clone(), text("timestamp")?, text("noncestr")?, prepay_id.clone()];
            return Ok(Self { appid, prepay_id, sign: text("sign")?, lines, is_app });
        }
        let prepay_id = package.strip_prefix("prepay_id=").filter(|id| !id.is_empty());
        let prepay_id =
            prepay_id.ok_or("package must be prepay_id= and the prepay_id of the order")?.to_owned();
        if text("signType")? != "RSA" {
            return Err("signType must be RSA for an order of APIv3".to_owned());
        }
        check_timestamp("timeStamp", &text("timeStamp")?)?;
        let appid = text("appId")?;
        let lines = [appid.clone(), text("timeStamp")?, text("nonceStr")?, package.clone()];
        Ok(Self { appid, prepay_id, sign: text("paySign")?, lines, is_app })
    }

    /// Checks the appid and the signature.
    ///
    /// # Errors
    /// What differs, and what should have been signed.
    pub(super) fn check(&self, appids: &[&str], is_app: bool, key: &PublicKey) -> Result<(), String> {
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
        if self.verifies(&self.lines, key) {
            return Ok(());
        }
        let sign = if self.is_app { "sign" } else { "paySign" };
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
                    "{name} is missing: the member is there in other capitals, and must be spelled {name}"
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
