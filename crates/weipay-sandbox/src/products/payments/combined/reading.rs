//! The request for a combined order, read and checked part by part.

use serde_json::{Map, Value};

use super::{CombinedOrder, named_part};
use crate::clock;
use crate::people::Person;
use crate::products::payments::creation::{
    check_client_ip, check_detail, check_total, expires, is_shared, read_currency, subsidy_of,
};
use crate::products::payments::order::{
    Dialect, LimitPay, MAX_PARTS, Order, OrderState, Payer, TradeType, new_transaction_id,
};
use crate::products::payments::parties::{check_payer, check_sells_itself, check_sub_merchant, text};
use crate::products::payments::refusals;
use crate::products::{Context, HandlerError};
use crate::store::{Fingerprint, StoreError, Transaction};

pub(super) fn read(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    trade_type: TradeType,
    dialect: Dialect,
) -> Result<(CombinedOrder, Vec<Order>), HandlerError> {
    let (body, request, now) = (&context.request.body, context.request, context.now);
    let appid = request.required("combine_appid").to_owned();
    context.caller.check_appid(&appid)?;
    let payer = body.get("combine_payer_info").and_then(Value::as_object);
    let payer = Payer { openid: payer.and_then(|payer| text(payer, "openid")), sub_openid: None };
    if trade_type == TradeType::Jsapi && payer.openid.is_none() {
        return Err(refusals::no_openid().into());
    }
    check_payer(tx, &payer, &appid, None)?;
    check_client_ip(body.get("scene_info"))?;
    let items: Vec<_> = body
        .get("sub_orders")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let is_partner = items.iter().any(|item| text(item, "sub_mchid").is_some());
    let bounds = if is_partner { 1..=usize::try_from(MAX_PARTS).unwrap_or(usize::MAX) } else { 2..=10 };
    if !bounds.contains(&items.len()) {
        return Err(refusals::number_of_parts().into());
    }
    let combined = CombinedOrder {
        merchant: context.caller.mchid.clone(),
        appid,
        out_trade_no: request.required("combine_out_trade_no").to_owned(),
        trade_type,
        dialect,
        transaction_id: new_transaction_id(tx, now)?,
        payer,
        scene_info: body.get("scene_info").cloned(),
        notify_url: request.required("notify_url").to_owned(),
        platform_serial: context.platform_serial.to_owned(),
        created: now,
        expires: expires(request.text("time_expire").and_then(clock::parse), trade_type, now),
        prepays: Vec::new(),
        fingerprint: Fingerprint::new(body),
        fingerprint_without_settlement: Fingerprint::new(&without_settlement(body)),
        parts: items
            .iter()
            .map(|item| named_part(item))
            .map(|(merchant, number, _)| (merchant, number))
            .collect(),
    };
    let mut numbers: Vec<_> = combined.parts.iter().collect();
    numbers.sort_unstable();
    if numbers.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(refusals::number_is_taken("two parts have the same out_trade_no").into());
    }
    let parts = items.iter().enumerate().map(|(position, item)| {
        let part = combined.read_part(tx, context, item);
        part.map_err(|error| error.map_refusal(|refusal| refusal.of_part(&format!("sub_orders/{position}"))))
    });
    let parts = parts.collect::<Result<_, _>>()?;
    Ok((combined, parts))
}

/// The request without the settlement of its parts.
fn without_settlement(body: &Map<String, Value>) -> Map<String, Value> {
    let mut body = body.clone();
    for part in body.get_mut("sub_orders").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(part) = part.as_object_mut() {
            part.remove("settle_info");
            part.remove("profit_sharing");
        }
    }
    body
}

impl CombinedOrder {
    fn read_part(
        &self,
        tx: &Transaction<'_>,
        context: &Context<'_>,
        item: &Map<String, Value>,
    ) -> Result<Order, HandlerError> {
        let (merchant, out_trade_no, sub_mchid) = named_part(item);
        // By APIv2 each part has its own.
        let own = text(item, "appid").filter(|_| self.dialect.is_v2());
        let appid = own.unwrap_or_else(|| self.appid.clone());
        let known = context.merchants.find(&merchant).ok_or_else(refusals::no_such_merchant)?;
        known
            .account
            .check_appid(&appid)
            .map_err(|refusal| refusal.with_reason(refusals::combine_appid_of_part(&merchant)))?;
        check_detail(item.get("detail"))?;
        let sub_appid = text(item, "sub_appid");
        if let Some(sub_mchid) = &sub_mchid {
            check_sub_merchant(context.merchants, &known.account, sub_mchid, sub_appid.as_deref())?;
        } else {
            check_sells_itself(&known.account)?;
        }
        let amount = item.get("amount").and_then(Value::as_object);
        let settle = item.get("settle_info").and_then(Value::as_object);
        let total = amount.and_then(|amount| amount.get("total_amount")).and_then(Value::as_i64);
        let total = total.unwrap_or_default();
        check_total(total)?;
        Ok(Order {
            merchant,
            sub_mchid,
            payer: self.payer_under(tx, &appid, context.now)?,
            appid,
            sub_appid,
            out_trade_no,
            trade_type: self.trade_type,
            dialect: self.dialect,
            state: OrderState::NotPay,
            total,
            currency: read_currency(amount)?,
            description: text(item, "description").unwrap_or_default(),
            attach: text(item, "attach"),
            notify_url: Some(self.notify_url.clone()),
            goods_tag: text(item, "goods_tag"),
            detail: item.get("detail").cloned(),
            scene_info: self.scene_info.clone(),
            profit_sharing: is_shared(settle) || is_shared(Some(item)),
            subsidy: subsidy_of(settle)?,
            deposit: None,
            limit_pay: LimitPay::from_list(context.request.body.get("limit_pay")),
            created: self.created,
            expires: self.expires,
            ended: None,
            combined: Some(self.combination()),
            fingerprint: Fingerprint::new(item),
            platform_serial: self.platform_serial.clone(),
            prepays: Vec::new(),
            payment: None,
        })
    }

    /// The payer, under the appid of a part.
    fn payer_under(&self, tx: &Transaction<'_>, appid: &str, now: i64) -> Result<Payer, StoreError> {
        let openid = match &self.payer.openid {
            Some(openid) if appid != self.appid => Some(Person::openid_under(tx, openid, appid, now)?),
            openid => openid.clone(),
        };
        Ok(Payer { openid, sub_openid: None })
    }
}
