//! The life of a contract: presigned (预签约), signed by a person, ended (解约).
//!
//! The merchant's number can be presigned again and again until it is signed, and never after that.

use serde_json::{Value, json};

use super::contract::{Contract, DayOfDeductions, End, EndedBy, Session, Signature, new_contract_id};
use super::parties::{Parties, word};
use super::refusals;
use super::schedule::{Schedule, ScheduleState, read_schedule};
use crate::clock;
use crate::ledger::Owner;
use crate::people::account::AccountState;
use crate::products::payments::order::{Dialect, Payer};
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::store::{Due, Record, StoreError, Transaction};

/// How long a person can sign by a session. INFERRED(contract-session): the pages of APIv3 say it; sessions of APIv2
/// live as long.
const SESSION_SECONDS: i64 = 600;

/// UNCONFIRMED(contract-life): a contract ends by itself so long after the signing.
const LIFE: i64 = 3_650 * clock::DAY;

/// The most contracts with a schedule of one plan that a person can have at one time, as their page says.
const MAX_SCHEDULED_OF_PLAN: usize = 10;

/// UNCONFIRMED(contract-pages): where a person is led to sign. The appid and the path of the mini program are
/// examples of the pages.
const SIGNING_PAGE: &str = "https://payapp.weixin.qq.com/papay/sign?pre_entrust_id=";
const MINI_PROGRAM_APPID: &str = "wxbd687630cd02ce1d";
const MINI_PROGRAM_PATH: &str = "pages/PwdExemptContract/index?pre_entrust_id=";
const MINI_PROGRAM_NAME: &str = "gh_weipaysandbox0";

/// The session in an address that a response has led a person to, or the number itself.
pub(super) fn number_in(given: &str) -> &str {
    given.split_once("pre_entrust_id=").map_or(given, |(_, id)| id.split('&').next().unwrap_or_default())
}

pub(super) fn presign_app(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let id = presign(tx, context)?;
    Ok(mini_program(&id, "miniprogram_username", "miniprogram_path"))
}

pub(super) fn presign_page(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let id = presign(tx, context)?;
    Ok(json!({ "redirect_url": format!("{SIGNING_PAGE}{id}") }))
}

pub(super) fn presign_mini_program(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let id = presign(tx, context)?;
    Ok(json!({
        "redirect_appid": MINI_PROGRAM_APPID, "redirect_path": format!("{MINI_PROGRAM_PATH}{id}"),
        "pre_entrustweb_id": id,
    }))
}

/// 鸿蒙: the app opens a mini program, or the person scans a code.
pub(super) fn presign_harmony(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let id = presign(tx, context)?;
    Ok(match context.request.text("sign_scene") {
        Some("SIGN_SCENE_QRCODE") => {
            json!({ "redirect_url": format!("{SIGNING_PAGE}{id}"), "pre_entrustweb_id": id })
        }
        _ => mini_program(&id, "mini_program_username", "mini_program_path"),
    })
}

pub(super) fn mini_program(id: &str, username: &str, path: &str) -> Value {
    json!({ "pre_entrustweb_id": id, username: MINI_PROGRAM_NAME, path: format!("{MINI_PROGRAM_PATH}{id}") })
}

fn presign(tx: &Transaction<'_>, context: &Context<'_>) -> Result<String, HandlerError> {
    let parties = Parties::read(context)?;
    let named = parties.read_signer(tx, context)?;
    let request = context.request;
    let text = |name: &str| request.text(name).map(str::to_owned);
    let terms = Terms {
        plan_id: word(&request.body, "plan_id").unwrap_or_default(),
        code: request.required("out_contract_code").to_owned(),
        request_serial: None,
        display_account: request.required("contract_display_account").to_owned(),
        out_user_code: text("out_user_code"),
        notify_url: text("contract_notify_url"),
        dialect: Dialect::V3,
        named,
        schedule: read_schedule(request.body.get("deduct_schedule"), context.now)?,
    };
    open_session(tx, context, terms.into_contract(parties, context))
}

/// The members of a requested contract, without the parties.
pub(super) struct Terms {
    pub(super) plan_id: String,
    pub(super) code: String,
    pub(super) request_serial: Option<String>,
    pub(super) display_account: String,
    pub(super) out_user_code: Option<String>,
    pub(super) notify_url: Option<String>,
    pub(super) dialect: Dialect,
    pub(super) named: Payer,
    pub(super) schedule: Option<Schedule>,
}

impl Terms {
    /// The contract, which is not signed yet.
    pub(super) fn into_contract(self, parties: Parties, context: &Context<'_>) -> Contract {
        Contract {
            mchid: parties.mchid,
            appid: parties.appid.unwrap_or_default(),
            sub_mchid: parties.sub_mchid,
            sub_appid: parties.sub_appid,
            plan_id: self.plan_id,
            code: self.code,
            request_serial: self.request_serial,
            display_account: self.display_account,
            out_user_code: self.out_user_code,
            notify_url: self.notify_url,
            dialect: self.dialect,
            platform_serial: context.platform_serial.to_owned(),
            named: self.named,
            of_order: None,
            session: None,
            schedule: self.schedule,
            notice: None,
            signature: None,
            end: None,
            today: DayOfDeductions::default(),
            is_wallet_only: false,
        }
    }
}

/// Keeps a contract that waits for its person, in the place of one with the same number that nobody has signed.
pub(super) fn propose(tx: &Transaction<'_>, contract: &Contract) -> Result<(), HandlerError> {
    if Contract::find(tx, &contract.mchid, &contract.code)?.is_some_and(|known| known.signature.is_some()) {
        return Err(refusals::code_is_used().into());
    }
    Ok(tx.save(contract)?)
}

/// The same with a session, whose number is given back. Each request has a new one, and the older ones are void:
/// INFERRED(contract-session-again).
pub(super) fn open_session(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    contract: Contract,
) -> Result<String, HandlerError> {
    let id = context.entropy.letters_and_digits(28);
    let session = Session { id: id.clone(), expires: context.now.saturating_add(SESSION_SECONDS) };
    propose(tx, &Contract { session: Some(session), ..contract })?;
    Ok(id)
}

/// Why nobody can sign a contract now, in words for the developer.
pub(super) fn check_signable(
    tx: &Transaction<'_>,
    contract: &Contract,
    person: &Owner,
    now: i64,
) -> Result<Result<(), &'static str>, StoreError> {
    if contract.signature.is_some() {
        return Ok(Err("it was signed before"));
    }
    if contract.session.as_ref().is_some_and(|session| session.expires <= now) {
        return Ok(Err("its signing session has expired after ten minutes: presign again"));
    }
    if !AccountState::of_owner(tx, person)?.works() {
        return Ok(Err(reasons::ACCOUNT_DOES_NOT_WORK));
    }
    // One account of the merchant has one contract of a plan, whoever signs it.
    if contract.schedule.is_none() && contract.is_account_signed(tx)? {
        return Ok(Err(
            "this account of the merchant (out_user_code) has a contract of this plan already: end it, or take another plan_id",
        ));
    }
    if !may_sign_another(contract, &contract.signed_by(tx, person)?) {
        return Ok(Err(
            "the person has a contract of this plan already (ten with a deduct_schedule): end it, take another plan_id, or name \
             another account of the merchant (out_user_code)",
        ));
    }
    Ok(Ok(()))
}

/// The rule: whether a person may sign a contract of a plan beside those of it that are signed.
/// INFERRED(contract-of-a-plan): a person whose accounts the merchant tells apart has one for each of them.
fn may_sign_another(contract: &Contract, signed: &[Contract]) -> bool {
    match (&contract.schedule, &contract.out_user_code) {
        (Some(_), _) => signed.len() < MAX_SCHEDULED_OF_PLAN,
        (None, Some(_)) => signed.iter().all(|other| other.out_user_code.is_some()),
        (None, None) => signed.is_empty(),
    }
}

/// The person signs. Whether this is possible was checked.
pub(super) fn sign(
    tx: &Transaction<'_>,
    contract: Contract,
    payer: Payer,
    person: Owner,
    now: i64,
) -> Result<(), StoreError> {
    let expires = contract.schedule.as_ref().map_or(now.saturating_add(LIFE), Schedule::end);
    let signature = Signature { id: new_contract_id(tx, now)?, payer, person, time: now, expires };
    let signed = Contract { signature: Some(signature), ..contract };
    tx.save(&signed)?;
    tx.schedule(&due_end(&signed, expires))?;
    signed.announcement(now).map_or(Ok(()), |announcement| tx.announce(&announcement))
}

/// Somebody ends a contract that is signed. Otherwise nothing happens, and the response is `false`.
pub(super) fn end(
    tx: &Transaction<'_>,
    contract: Contract,
    by: EndedBy,
    remark: Option<String>,
    now: i64,
) -> Result<bool, StoreError> {
    let Some(signature) = contract.signature.as_ref().filter(|_| contract.end.is_none()) else {
        return Ok(false);
    };
    tx.unschedule(&due_end(&contract, signature.expires))?;
    let ended = Contract { end: Some(End { by, time: now, remark }), ..contract };
    tx.save(&ended)?;
    ended.announcement(now).map_or(Ok(()), |announcement| tx.announce(&announcement))?;
    Ok(true)
}

/// Falls due when a contract ends by itself.
pub(super) const END: &str = "papay contract ends";

/// When that is: on the morning after the day of its only deduction, or when its time is over.
fn due_end(contract: &Contract, expires: i64) -> Due {
    let at = contract.schedule.as_ref().map_or(expires, Schedule::end);
    Due { kind: END.to_owned(), key: contract.key(), at }
}

pub(super) fn end_by_clock(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let Some(mut contract) = tx.get::<Contract>(key)? else { return Ok(()) };
    if let Some(schedule) =
        contract.schedule.as_mut().filter(|schedule| schedule.state != ScheduleState::Paid)
    {
        schedule.state = ScheduleState::Expired;
    }
    end(tx, contract, EndedBy::Platform, None, at)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Person;
    use crate::products::testing::world::{APPID, World, merchant, openid};

    #[test]
    fn an_openid_that_became_a_persons_has_signed_for_the_person() {
        let (world, caller) = (World::new(), merchant("1900000109", &[]));
        let stranger = openid(0);
        for code in ["first", "second"] {
            let body = json!({
                "appid": APPID, "plan_id": 1, "out_contract_code": code, "contract_display_account": "a",
                "contract_notify_url": "https://example.com/n",
            });
            let path = "/v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/app";
            world.ask(&caller, "POST", path, &body).unwrap();
        }
        let signed_by = |code: &str, person: &str| {
            let done: Result<bool, StoreError> = world.act(|tx| {
                let contract = Contract::find(tx, &caller.mchid, code)?.unwrap();
                let person = Owner::person(person);
                let checked = check_signable(tx, &contract, &person, world.now)?;
                if checked.is_ok() {
                    let payer = Payer { openid: Some(stranger.clone()), sub_openid: None };
                    sign(tx, contract, payer, person, world.now)?;
                }
                Ok(checked.is_ok())
            });
            done.unwrap()
        };
        assert!(signed_by("first", &stranger));
        let openids = [(APPID.to_owned(), stranger.clone())].into();
        let person = Person { unionid: "oWeipayUnion0000000000000000".to_owned(), openids };
        world.act(|tx| tx.save(&person)).unwrap();
        assert!(!signed_by("second", &person.unionid), "the person has one of this plan");
        assert!(signed_by("second", &openid(1)));
    }
}
