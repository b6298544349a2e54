//! People (用户) who pay and receive.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::people::Person;
use crate::people::account::AccountState;
use crate::people::openid::{PERSON_FORM, is_openid};

pub(super) const ROUTES: &[Route] = &[
    Route::post("/people", "Creates a person, with an openid under each appid", PERSON, add_person),
    Route::get("/people/{id}", "A person by unionid or by one of the openids", &[], show_person),
    Route::get("/people/{id}/openids/{appid}", "The openid of a person under an appid", &[], show_openid),
    Route::post(
        "/people/{id}/account",
        "Freezes or cancels the account of a person, by unionid or openid, or restores it",
        &[Member::word("state", &AccountState::WORDS, "The new state of the account").required()],
        set_account,
    ),
    Route::get("/people/{id}/account", "The state of a person's account", &[], show_account),
];

const PERSON: &[Member] =
    &[Member::texts("appids", "Appids under which openids are shown (default: those of all merchants)")];

fn add_person(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let mut appids = request.texts("appids");
    if appids.is_empty() {
        appids = control.platform.merchants.appids();
    }
    let person = control.platform.add_person(&appids)?;
    Ok(shown(&person))
}

fn find(control: &Control, request: &ControlRequest) -> Result<Person, ControlError> {
    let found = control.platform.store.transaction(|tx| Person::find(tx, request.path("id")))?;
    found.ok_or_else(|| ControlError::not_found("no person has this unionid or openid"))
}

fn show_person(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    find(control, request).map(|person| shown(&person))
}

fn show_openid(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let (person, appid) = (find(control, request)?, request.path("appid"));
    let openid = control.platform.openid(&person, appid)?;
    Ok(json!({ "unionid": person.unionid, "appid": appid, "openid": openid }))
}

fn set_account(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = request.text("state").and_then(AccountState::from_word).unwrap_or_default();
    control.platform.set_account_state(person_in_path(request)?, state)?;
    show_account(control, request)
}

fn show_account(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = control.platform.account_state(person_in_path(request)?)?;
    Ok(json!({ "person": request.path("id"), "state": state.word() }))
}

/// Every well-formed openid is a user here, whether or not a person was made with it.
pub(crate) fn person_in_path(request: &ControlRequest) -> Result<&str, ControlError> {
    let id = request.path("id");
    if is_openid(id) { Ok(id) } else { Err(ControlError::invalid(PERSON_FORM)) }
}

fn shown(person: &Person) -> Value {
    json!({ "unionid": person.unionid, "openids": person.openids })
}
