//! Callbacks (商家券事件通知地址): where a merchant is notified of what happens to its stocks, and of what: that a coupon was
//! sent (领券事件, `COUPON.SEND`). Sources know no other event of this product.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::coupon::Coupon;
use super::refusals;
use super::stock::Stock;
use super::unconfirmed::words;
use crate::clock;
use crate::merchants::Account;
use crate::notifications::address::is_plain_to_public_host;
use crate::people::Person;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{Announcement, Record, StoreError, Transaction};

/// Sets the address. Notifications that wait already keep the address of their time.
pub(super) fn set_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mchid = check_merchant(context.caller, context.request.text("mchid"))?;
    check_scheme(context.request.required("notify_url"))?;
    // Read first: a record is saved only over one that was read.
    find(tx, mchid)?;
    let callback = Callback {
        mchid: mchid.to_owned(),
        notify_url: context.request.required("notify_url").to_owned(),
        platform_serial: context.platform_serial.to_owned(),
    };
    tx.save(&callback)?;
    let Callback { mchid, notify_url, .. } = callback;
    Ok(json!({ "update_time": clock::rfc3339(context.now), "notify_url": notify_url, "mchid": mchid }))
}

pub(super) fn query_callback(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mchid = check_merchant(context.caller, context.request.query("mchid"))?;
    let Callback { mchid, notify_url, .. } = find(tx, mchid)?.ok_or_else(refusals::no_callback)?;
    Ok(json!({ "notify_url": notify_url, "mchid": mchid }))
}

/// Where a merchant is notified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Callback {
    pub(crate) mchid: String,
    pub(crate) notify_url: String,
    /// The key that signed the response when the address was set: the merchant can verify with it, so it signs the
    /// notifications. On the real platform a switch in the merchant's pages decides; the sandbox has no such pages.
    pub(crate) platform_serial: String,
}

/// How a coupon came to its user (`send_channel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The merchant sent it by the API.
    Api,
    /// The user took it on an H5 page.
    H5,
    /// The user took it in a mini program, by the plugin.
    MiniProgram,
    /// The user took it on a page with the JSSDK (`wx.addCard`).
    Jsapi,
}

impl Channel {
    /// The word on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Api => "BUSICOUPON_SEND_CHANNEL_API",
            Self::H5 => "BUSICOUPON_SEND_CHANNEL_H5",
            Self::MiniProgram => "BUSICOUPON_SEND_CHANNEL_MINIAPP",
            Self::Jsapi => "BUSICOUPON_SEND_CHANNEL_JSAPI",
        }
    }
}

impl Record for Callback {
    const KIND: &'static str = "merchant coupon callback";

    fn key(&self) -> String {
        self.mchid.clone()
    }
}

/// Where a merchant is notified of events of the stocks that it created.
pub(super) fn find(tx: &Transaction<'_>, mchid: &str) -> Result<Option<Callback>, StoreError> {
    tx.get(mchid)
}

/// INFERRED(callback-owner): only the caller's own address can be set or seen.
fn check_merchant<'a>(caller: &'a Account, mchid: Option<&'a str>) -> Result<&'a str, Refusal> {
    match mchid {
        Some(mchid) if mchid != caller.mchid => Err(Refusal::no_auth(
            words::OTHER_CALLBACK,
            "mchid may only be the caller's own; it may be left out",
        )),
        _ => Ok(&caller.mchid),
    }
}

/// The page takes https only. UNCONFIRMED(callback-http): a receiver of a developer, in no public network, need not
/// have a certificate.
fn check_scheme(notify_url: &str) -> Result<(), Refusal> {
    match is_plain_to_public_host(notify_url) {
        true => Err(refusals::request_parameters(
            "notify_url must begin with https://; the sandbox takes http:// for this machine and private networks only",
        )),
        false => Ok(()),
    }
}

/// How a notification of a stock names a user. Both may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NamedUser {
    pub(crate) openid: String,
    pub(crate) unionid: String,
}

/// The user by the openid under the appid that the stock has for that (`notify_config.notify_appid`), and by the
/// unionid; without such an appid by neither. INFERRED(merchant-coupon-unionid): an openid without a person record
/// has no unionid.
pub(super) fn named_user(
    tx: &Transaction<'_>,
    stock: &Stock,
    openid: &str,
    now: i64,
) -> Result<NamedUser, StoreError> {
    let notify_config = stock.definition.members.get("notify_config");
    let appid = notify_config.and_then(|config| config.get("notify_appid")).and_then(Value::as_str);
    match appid.unwrap_or_default() {
        "" => Ok(NamedUser::default()),
        appid => {
            let unionid = Person::find(tx, openid)?.map(|person| person.unionid).unwrap_or_default();
            Ok(NamedUser { openid: Person::openid_under(tx, openid, appid, now)?, unionid })
        }
    }
}

impl Callback {
    /// A coupon was sent to a user. The members are those of a recorded notification.
    pub(super) fn announce_send(&self, user: &NamedUser, coupon: &Coupon, channel: Channel) -> Announcement {
        let resource = json!({
            "event_type": "EVENT_TYPE_BUSICOUPON_SEND",
            "coupon_code": coupon.code,
            "stock_id": coupon.stock_id,
            "send_time": clock::rfc3339(coupon.receive_time),
            "openid": user.openid,
            "unionid": user.unionid,
            "send_channel": channel.word(),
            "send_merchant": coupon.sender,
            "attach_info": "",
            "send_req_no": coupon.send_request_no,
        });
        Announcement {
            mchid: self.mchid.clone(),
            notify_url: self.notify_url.clone(),
            platform_serial: self.platform_serial.clone(),
            event_type: "COUPON.SEND",
            time: coupon.receive_time,
            resource,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{CALLER, MCHID, OPENID, a_coupon, a_stock};
    use crate::store::Store;

    fn callback() -> Callback {
        let notify_url = "http://127.0.0.1:8000/notify".to_owned();
        Callback { mchid: MCHID.to_owned(), notify_url, platform_serial: "01".to_owned() }
    }

    #[test]
    fn the_user_is_named_only_where_the_stock_has_an_appid_for_that() {
        let named: Result<(), StoreError> = Store::in_memory().transaction(|tx| {
            let mut stock = a_stock();
            assert_eq!(named_user(tx, &stock, OPENID, 0)?, NamedUser::default());
            stock.definition.members.insert("notify_config".to_owned(), json!({ "notify_appid": "wx1" }));
            let unknown = NamedUser { openid: OPENID.to_owned(), unionid: String::new() };
            assert_eq!(named_user(tx, &stock, OPENID, 0)?, unknown, "nobody made this person");
            let openids = [("wx2".to_owned(), OPENID.to_owned())].into();
            let person = Person { unionid: "oUnion".to_owned(), openids };
            tx.save(&person)?;
            let named = named_user(tx, &stock, OPENID, 0)?;
            let expected = NamedUser { openid: person.openid("wx1"), unionid: person.unionid.clone() };
            assert_eq!(named, expected);
            assert_eq!(Person::find(tx, &named.openid)?.map(|found| found.unionid), Some(person.unionid));
            Ok(())
        });
        named.unwrap();
        let user = NamedUser { openid: OPENID.to_owned(), unionid: "oUnion".to_owned() };
        let sent = callback().announce_send(&user, &a_coupon(), Channel::Api);
        assert_eq!((sent.event_type, &sent.resource["openid"]), ("COUPON.SEND", &json!(OPENID)));
        assert_eq!(sent.resource["unionid"], "oUnion");
        assert_eq!(sent.resource["coupon_code"], a_coupon().code);
    }

    #[test]
    fn plain_http_is_taken_where_no_public_host_is_meant() {
        for taken in [
            "https://example.com/",
            "http://127.0.0.1:8000/",
            "http://hook:8000/",
            "http://box.LAN./",
            "http://nas.home.arpa/",
            "http://app.localhost/",
            "http://10.0.0.7/",
        ] {
            assert_eq!(check_scheme(taken), Ok(()), "{taken}");
        }
        for refused in ["http://example.com/", "http://8.8.8.8/", "http://my.plan/"] {
            assert!(check_scheme(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_merchant_has_its_own_address_only() {
        assert_eq!(check_merchant(&CALLER, None), Ok(MCHID));
        assert_eq!(check_merchant(&CALLER, Some(MCHID)), Ok(MCHID));
        assert_eq!(check_merchant(&CALLER, Some("1900000999")).unwrap_err().code, "NO_AUTH");
    }
}
