//! What people do with red packets: they open them.

use serde_json::{Value, json};

use super::red_packet::{self, NotOpened, RedPacket};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::people::openid::{PERSON_FORM, is_openid};
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::reasons;
use crate::store::StoreError;

pub(crate) const ROUTES: &[Route] = &[Route::post(
    "/red-packets/{number}/open",
    "A person opens a red packet (现金红包), by mch_billno or send_listid; unopened it is given back after 24 hours",
    &[Member::text(
        "openid",
        "Who opens a part of a red packet with several parts (裂变红包), by openid or unionid (default: the person it \
         was sent to)",
    )],
    open,
)];

fn open(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let person = request.text("openid");
    if person.is_some_and(|person| !is_openid(person)) {
        return Err(ControlError::invalid(PERSON_FORM));
    }
    match control.platform.open_red_packet(request.path("number"), person)? {
        Opened::Now { state, fen } => Ok(json!({ "status": state, "amount": fen })),
        Opened::Unknown => Err(ControlError::not_found("no red packet has this number")),
        Opened::Ambiguous => {
            Err(ControlError::conflict(reasons::several_merchants("give the send_listid of the response")))
        }
        Opened::Account(state) => Err(ControlError::conflict(format!(
            "the account of the person is {state}: set it to normal (weipay sandbox person account), or the red \
             packet is returned 24 hours after it was sent"
        ))),
        Opened::Never(why) => Err(ControlError::conflict(why)),
        Opened::Ended(state) => Err(ControlError::conflict(format!(
            "the red packet is {state}: it can be opened once, in the 24 hours after it was sent"
        ))),
    }
}

/// What came of opening a red packet.
pub(crate) enum Opened {
    /// The state of the whole, and fen of what was opened.
    Now {
        state: &'static str,
        fen: i64,
    },
    Unknown,
    Ambiguous,
    Ended(&'static str),
    Account(&'static str),
    /// This person cannot open it; why.
    Never(&'static str),
}

impl Platform {
    /// A person opens a red packet, or a part of one that has several.
    pub(crate) fn open_red_packet(&self, number: &str, person: Option<&str>) -> Result<Opened, StoreError> {
        let opened: Result<Opened, HandlerError> = self.act(|tx, now| {
            let mut found = RedPacket::find_for_person(tx, number)?;
            let (Some(packet), true) = (found.pop(), found.is_empty()) else {
                return Ok(if found.is_empty() { Opened::Unknown } else { Opened::Ambiguous });
            };
            Ok(match red_packet::open(tx, packet, person, now)? {
                Ok(opened) => Opened::Now { state: opened.state.word(), fen: opened.fen },
                Err(NotOpened::State(state)) => Opened::Ended(state.word()),
                Err(NotOpened::Account(account)) => Opened::Account(account.word()),
                Err(NotOpened::Stranger) => Opened::Never("the red packet was sent to another person"),
                Err(NotOpened::BeforeTheFirst) => Opened::Never(
                    "the person it was sent to must open it first; then others can open the other parts",
                ),
                Err(NotOpened::Twice) => Opened::Never("this person has opened a part of it"),
            })
        });
        opened.map_err(|error| error.into_store_error("the money of a red packet"))
    }
}
