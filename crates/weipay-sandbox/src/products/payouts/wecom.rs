//! 企业微信: red packets (企业红包) and payments to employees (向员工付款). They are red packets and payments to the wallet like any
//! other, with numbers of their own kind.
//!
//! UNCONFIRMED(wecom-payouts): limits, codes and course are those of the others, whose queries find them too;
//! `workwx_sign` is not checked, because the sandbox knows no secret of an application of 企业微信.

use serde_json::{Value, json};

use super::red_packet::{self, Kind, RedPacket, RedPacketState};
use super::{refusals, to_wallet};
use crate::clock::spaced;
use crate::products::{Context, HandlerError};
use crate::store::Transaction;

/// 发放企业红包.
pub(super) fn send(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let packet = red_packet::send_packet(tx, context, Kind::WeCom)?;
    let mut shown = red_packet::show_sent(&packet);
    show_sender(&mut shown, &packet);
    Ok(shown)
}

fn show_sender(shown: &mut Value, packet: &RedPacket) {
    if let Some(sender) = &packet.sender {
        shown["sender_name"] = json!(sender.name);
        shown["sender_header_media_id"] = json!(sender.picture);
    }
}

/// 查询红包记录.
pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let packet = red_packet::find(tx, context)?.filter(|packet| packet.sender.is_some());
    let packet = packet.ok_or_else(refusals::not_found)?;
    let mut shown = red_packet::show(&packet);
    show_sender(&mut shown, &packet);
    // One person opens it, who stands beside the others and not in a list.
    if let Some(shown) = shown.as_object_mut() {
        for name in ["hb_type", "total_num", "hblist"] {
            shown.remove(name);
        }
    }
    if packet.state == RedPacketState::Received {
        shown["openid"] = json!(packet.openid);
        shown["amount"] = json!(packet.fen);
        shown["rcv_time"] = json!(packet.ended.map(spaced));
    }
    Ok(shown)
}

/// 向员工付款.
pub(super) fn pay(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let is_approved = request.text("approval_number").is_some() && request.body.contains_key("approval_type");
    if request.text("ww_msg_type") == Some("APPROVAL_MSG") && !is_approved {
        let reason = "approval_number and approval_type are needed with APPROVAL_MSG";
        return Err(refusals::wrong_parameter(reason).into());
    }
    to_wallet::pay_under(tx, context, request.required("appid"))
}

/// 查询付款记录. Names of people are not kept.
pub(super) fn query_payment(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut shown = to_wallet::query(tx, context)?;
    if let Some(shown) = shown.as_object_mut() {
        for name in ["openid", "payment_time"] {
            shown.remove(name);
        }
    }
    shown["reason"] = json!("");
    Ok(shown)
}
