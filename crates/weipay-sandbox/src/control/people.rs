//! People (用户) who pay and receive.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::people::Person;

pub(super) const ROUTES: &[Route] = &[
    Route::post("/people", "Makes a person, with an openid under each appid", PERSON, add_person),
    Route::get("/people/{id}", "A person by unionid or by one of the openids", &[], show_person),
    Route::get("/people/{id}/openids/{appid}", "The openid of a person under an appid", &[], show_openid),
];

const PERSON: &[Member] =
    &[Member::texts("appids", "Appids under which openids are shown; those of all merchants if missing")];

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
    found.ok_or_else(|| ControlError::not_found("nobody was made with this unionid or openid"))
}

fn show_person(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    find(control, request).map(|person| shown(&person))
}

fn show_openid(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let (person, appid) = (find(control, request)?, request.path("appid"));
    let openid = control.platform.openid(&person, appid)?;
    Ok(json!({ "unionid": person.unionid, "appid": appid, "openid": openid }))
}

fn shown(person: &Person) -> Value {
    json!({ "unionid": person.unionid, "openids": person.openids })
}
