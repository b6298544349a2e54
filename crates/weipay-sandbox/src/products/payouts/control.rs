//! What people do with red packets: they open them.

use serde_json::{Value, json};

use super::red_packet::{self, NotOpened};
use crate::control::{Control, ControlError, ControlRequest, Route};
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::reasons;
use crate::store::StoreError;

pub(crate) const ROUTES: &[Route] = &[Route::post(
    "/red-packets/{number}/open",
    "A person opens a red packet (现金红包), by mch_billno or send_listid; unopened it is given back after 24 hours",
    &[],
    open,
)];

fn open(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    match control.platform.open_red_packet(request.path("number"))? {
        Opened::Now => Ok(json!({ "status": "RECEIVED" })),
        Opened::Unknown => Err(ControlError::not_found("no red packet has this number")),
        Opened::Ambiguous => {
            Err(ControlError::conflict(reasons::several_merchants("give the send_listid of the response")))
        }
        Opened::Account(state) => Err(ControlError::conflict(format!(
            "the account of the person is {state}: let it work again, or the red packet is given back 24 hours after it was sent"
        ))),
        Opened::Ended(state) => Err(ControlError::conflict(format!(
            "the red packet is {state}: it can be opened once, in the 24 hours after it was sent"
        ))),
    }
}

/// What came of opening a red packet.
pub(crate) enum Opened {
    Now,
    Unknown,
    Ambiguous,
    Ended(&'static str),
    Account(&'static str),
}

impl Platform {
    /// A person opens a red packet.
    pub(crate) fn open_red_packet(&self, number: &str) -> Result<Opened, StoreError> {
        let opened: Result<Opened, HandlerError> = self.act(|tx, now| {
            let mut found = red_packet::find_for_person(tx, number)?;
            let (Some(packet), true) = (found.pop(), found.is_empty()) else {
                return Ok(if found.is_empty() { Opened::Unknown } else { Opened::Ambiguous });
            };
            Ok(match red_packet::open(tx, packet, now)? {
                Ok(()) => Opened::Now,
                Err(NotOpened::State(state)) => Opened::Ended(state.word()),
                Err(NotOpened::Account(account)) => Opened::Account(account.word()),
            })
        });
        opened.map_err(|error| error.into_store_error("the money of a red packet"))
    }
}
