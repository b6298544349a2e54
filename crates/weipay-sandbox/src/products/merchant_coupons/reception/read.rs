//! The three kinds of pages, read into one form.

use serde_json::{Map, Value};

use super::{Item, Reading};
use crate::products::merchant_coupons::callbacks::Channel;
use crate::reasons;

/// A merchant's page on which a person takes coupons, with what the page gives to WeChat.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum CouponPage {
    /// The whole address of an H5 page, `https://action.weixin.qq.com/busifavor/getcouponinfo?...`.
    H5 {
        /// The address.
        address: String,
    },
    /// The plugin of mini programs (`sendCoupon`).
    MiniProgram {
        /// Its attributes: `send_coupon_params`, `sign` and `send_coupon_merchant`.
        attributes: Value,
        /// The openid of the person.
        openid: String,
    },
    /// `wx.addCard` of the JSSDK.
    Jsapi {
        /// Its `cardList`, as a list.
        cards: Value,
        /// The openid of the person.
        openid: String,
    },
    /// The component of mini programs that takes the token of 向用户预发放商品券.
    Token {
        /// The token.
        token: String,
        /// The openid of the person.
        openid: String,
    },
}

const H5: &str = "https://action.weixin.qq.com/busifavor/getcouponinfo?";
const MAX_ITEMS: usize = 10;
const MAX_OF_ONE_STOCK: usize = 3;
const SIGN: &str = "sign";
const SENDER: &str = "send_coupon_merchant";

impl CouponPage {
    pub(super) fn read(&self) -> Result<Reading, String> {
        match self {
            Self::H5 { address } => read_h5(address),
            Self::MiniProgram { attributes, openid } => {
                let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default();
                let params = attributes.get("send_coupon_params").and_then(Value::as_array);
                let params = params.ok_or("send_coupon_params must be a list of objects")?;
                from_items(params, Channel::MiniProgram, text(SENDER), text(SIGN), openid)
            }
            Self::Jsapi { cards, openid } => {
                let cards = cards.as_array().ok_or("cardList must be a list")?;
                let items = cards.iter().map(card).collect::<Result<Vec<_>, _>>()?;
                let first = items.first().cloned().unwrap_or_default();
                let text =
                    |name: &str| first.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                if items.iter().skip(1).any(|item| item.get(SIGN).is_some()) {
                    return Err("sign and send_coupon_merchant belong only in the cardExt of the first card"
                        .to_owned());
                }
                from_items(&items, Channel::Jsapi, &text(SENDER), &text(SIGN), openid)
            }
            // The platform made the token itself: nothing is signed, and nothing is read from the page.
            Self::Token { .. } => Err("a token is looked up, not read".to_owned()),
        }
    }
}

/// A card as the plugin would have it: what stands in `cardExt`, and the stock from `cardId`.
fn card(card: &Value) -> Result<Value, String> {
    let text = |name: &str| card.get(name).and_then(Value::as_str);
    let stock_id = text("cardId").ok_or("each card needs a cardId, the number of the stock")?;
    let ext = text("cardExt").ok_or("each card needs a cardExt, a JSON text")?;
    let mut item: Map<String, Value> =
        serde_json::from_str(ext).map_err(|_| "cardExt must be the text of a JSON object")?;
    item.insert("stock_id".to_owned(), stock_id.into());
    Ok(item.into())
}

/// Names in the signature end with the position: `stock_id0`, `out_request_no0`.
fn from_items(
    params: &[Value],
    channel: Channel,
    sender: &str,
    sign: &str,
    openid: &str,
) -> Result<Reading, String> {
    if params.is_empty() || params.len() > MAX_ITEMS {
        return Err(format!("a page may offer 1 to {MAX_ITEMS} coupons at once"));
    }
    let mut signed = vec![(SENDER.to_owned(), sender.to_owned())];
    let mut items = Vec::new();
    for (position, param) in params.iter().enumerate() {
        let text = |name: &str| param.get(name).and_then(Value::as_str).unwrap_or_default();
        for name in ["stock_id", "out_request_no", "coupon_code", "customize_send_time"] {
            signed.push((format!("{name}{position}"), text(name).to_owned()));
        }
        items.push(item(text("stock_id"), text("out_request_no"), text("coupon_code"))?);
    }
    let same = |item: &Item| items.iter().filter(|other| other.stock_id == item.stock_id).count();
    if items.iter().any(|item| same(item) > MAX_OF_ONE_STOCK) {
        return Err(format!("a page may offer {MAX_OF_ONE_STOCK} coupons of one stock at once"));
    }
    reading(channel, sender, sign, openid, items, signed)
}

fn read_h5(address: &str) -> Result<Reading, String> {
    let rest =
        address.strip_prefix(H5).ok_or_else(|| format!("an address for receiving begins with {H5}"))?;
    let query = rest.split('#').next().unwrap_or_default();
    let mut values = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_encoding::percent_decode_str(value).decode_utf8();
        let value = value.map_err(|_| reasons::QUERY_NOT_UTF8)?;
        if values.iter().any(|(known, _)| known == name) {
            return Err(format!("the query has {} twice", name.escape_debug()));
        }
        values.push((name.to_owned(), value.into_owned()));
    }
    let text = |name: &str| {
        values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str()).to_owned()
    };
    if text("open_id").is_empty() {
        return Err("open_id is missing: the person, with an underscore between open and id".to_owned());
    }
    let items = vec![item(&text("stock_id"), &text("out_request_no"), &text("coupon_code"))?];
    let signed = values.iter().filter(|(name, _)| name != SIGN).cloned().collect();
    reading(Channel::H5, &text(SENDER), &text(SIGN), &text("open_id"), items, signed)
}

fn reading(
    channel: Channel,
    sender: &str,
    sign: &str,
    openid: &str,
    items: Vec<Item>,
    signed: Vec<(String, String)>,
) -> Result<Reading, String> {
    for (name, value) in [(SENDER, sender), (SIGN, sign)] {
        if value.is_empty() {
            return Err(format!("{name} is missing"));
        }
    }
    let (sender, sign, openid) = (sender.to_owned(), sign.to_owned(), openid.to_owned());
    Ok(Reading { channel, sender, sign, openid, items, signed })
}

const MAX_NUMBER_LENGTH: usize = 128;

fn item(stock_id: &str, out_request_no: &str, coupon_code: &str) -> Result<Item, String> {
    if stock_id.is_empty() {
        return Err("stock_id is missing".to_owned());
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"|_*-".contains(&byte);
    if out_request_no.is_empty()
        || out_request_no.len() > MAX_NUMBER_LENGTH
        || !out_request_no.bytes().all(is_plain)
    {
        return Err("out_request_no must be 1 to 128 letters, digits or | _ * -".to_owned());
    }
    Ok(Item {
        stock_id: stock_id.to_owned(),
        out_request_no: out_request_no.to_owned(),
        coupon_code: Some(coupon_code.to_owned()).filter(|code| !code.is_empty()),
    })
}
