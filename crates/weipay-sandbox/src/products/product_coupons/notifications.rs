//! Where a partner is notified (商品券事件通知地址), and of what. A partner has one address for all its product coupons.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::coupon::Coupon;
use super::refusals;
use super::stock::Stock;
use crate::clock;
use crate::people::Person;
use crate::products::{Context, HandlerError};
use crate::store::{Announcement, Record, StoreError, Transaction};

/// Sets the address. Notifications that wait already keep the address of their time.
pub(super) fn set_address(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    // Read first: a record is saved only over one that was read.
    find(tx, &context.caller.mchid)?;
    let address = Address {
        mchid: context.caller.mchid.clone(),
        notify_url: context.request.required("notify_url").to_owned(),
        update_time: context.now,
        platform_serial: context.platform_serial.to_owned(),
    };
    tx.save(&address)?;
    Ok(address.describe())
}

pub(super) fn query_address(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(find(tx, &context.caller.mchid)?.ok_or_else(refusals::no_address)?.describe())
}

/// Where a partner is notified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) mchid: String,
    pub(crate) notify_url: String,
    pub(crate) update_time: i64,
    /// The key that signed the response when the address was set: the partner can verify with it.
    pub(crate) platform_serial: String,
}

impl Record for Address {
    const KIND: &'static str = "product coupon callback";

    fn key(&self) -> String {
        self.mchid.clone()
    }
}

/// Where a partner is notified.
pub(super) fn find(tx: &Transaction<'_>, mchid: &str) -> Result<Option<Address>, StoreError> {
    tx.get(mchid)
}

/// The user of a notification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NamedUser {
    appid: String,
    openid: String,
    unionid: String,
}

impl NamedUser {
    /// The user under the appid that the stock names for notifications.
    ///
    /// INFERRED(product-coupon-notification): without one, under the appid of the send. An openid without a person
    /// record has the same openid under every appid and an empty `unionid`.
    pub(super) fn read(
        tx: &Transaction<'_>,
        stock: &Stock,
        (appid, openid): (&str, &str),
        now: i64,
    ) -> Result<Self, StoreError> {
        let appid = stock.definition.notify_appid().unwrap_or(appid).to_owned();
        let person = Person::find(tx, openid)?;
        let unionid = person.as_ref().map(|person| person.unionid.clone()).unwrap_or_default();
        // It is kept, so that the partner can confirm the coupon by it.
        let openid = Person::openid_under(tx, openid, &appid, now)?;
        Ok(Self { appid, openid, unionid })
    }
}

impl Address {
    fn describe(&self) -> Value {
        json!({ "notify_url": self.notify_url, "update_time": clock::rfc3339(self.update_time) })
    }

    /// A coupon was sent to a user, and waits to be confirmed (商品券领券).
    pub(super) fn announce_send(&self, coupon: &Coupon, user: &NamedUser) -> Announcement {
        let mut resource = Map::new();
        let mut put = |name: &str, value: &str| resource.insert(name.to_owned(), value.into());
        put("brand_id", &coupon.owner.brand_id);
        put("coupon_code", &coupon.code);
        put("product_coupon_id", &coupon.product_id);
        put("stock_id", &coupon.stock_id);
        if let Some(bundle) = &coupon.bundle {
            put("stock_bundle_id", &bundle.stock_bundle_id);
            put("user_coupon_bundle_id", &bundle.id);
        }
        put("appid", &user.appid);
        put("openid", &user.openid);
        put("unionid", &user.unionid);
        put("receive_time", &clock::rfc3339(coupon.receive_time));
        put("send_request_no", &coupon.send_request_no);
        put("send_channel", coupon.channel.word());
        put("valid_begin_time", &clock::rfc3339(coupon.window.start));
        put("valid_end_time", &clock::rfc3339(coupon.window.expire));
        if let Some(attach) = &coupon.attach {
            put("attach", attach);
        }
        self.announcement("PRODUCT_COUPON_SP.SEND", coupon.receive_time, resource.into())
    }

    pub(super) fn announcement(&self, event_type: &'static str, time: i64, resource: Value) -> Announcement {
        Announcement {
            mchid: self.mchid.clone(),
            notify_url: self.notify_url.clone(),
            platform_serial: self.platform_serial.clone(),
            event_type,
            time,
            resource,
        }
    }
}
