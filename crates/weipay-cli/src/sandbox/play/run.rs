//! Carrying out the steps of a story, one after the other.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use weipay::{Response, blocking};
use weipay_sandbox::control::{Client, ClientError};
use weipay_sandbox::{ANSWER_HEADER, Behaviour, Clock};

use super::cast::{self, Clients};
use super::expectation::Expectation;
use super::names::{Names, word};
use super::receiver::Listener;
use super::story::{Action, Step, Story, Target};
use crate::call::describe;
use crate::failure::Failure;
use crate::sandbox::control::encoded;

pub(super) struct Run<'a> {
    story: &'a Story,
    control: &'a Client,
    clients: Clients,
    listener: Listener,
    names: Names,
}

/// What came back of a step.
#[derive(Default)]
struct Happened {
    /// What the step did, in short.
    what: String,
    status: Option<u16>,
    code: Option<String>,
    body: Value,
    file: Option<String>,
}

impl<'a> Run<'a> {
    /// Makes merchants and people. A sandbox that was there before gets the clock of the story here.
    pub(super) fn begin(
        story: &'a Story,
        control: &'a Client,
        kit: &Path,
        is_foreign: bool,
        may_move_back: bool,
    ) -> Result<Self, Failure> {
        if let Some(start) = story.start.as_ref().filter(|_| is_foreign) {
            let clock = control.call("GET", "/clock", None).map_err(Failure::from_control)?;
            let shown = clock["unix_seconds"].as_i64().unwrap_or_default();
            let begins = start.value.parse::<Clock>().map_err(Failure::usage)?.now();
            if begins < shown && !may_move_back {
                return Err(Failure::usage(format!(
                    "the story begins at {}, and the clock of the sandbox shows {}: play it without --data, or with --move-clock-back, \
                     which moves that clock back and leaves it there; nothing was sent",
                    start.value,
                    word(&clock["time"])
                )));
            }
            let body = json!({ "time": start.value });
            control.call("POST", "/clock/freeze", Some(&body)).map_err(Failure::from_control)?;
        }
        let listener = Listener::start().map_err(Failure::failed)?;
        let mut names = Names::default();
        let clients = cast::make(story, control, kit, &listener, &mut names)?;
        let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        names.set("run", run.to_string().into());
        Ok(Self { story, control, clients, listener, names })
    }

    /// Carries out one step, and says what happened: in plain words where the story has them, then exactly.
    pub(super) fn carry_out(&mut self, step: &Step) -> Result<Vec<String>, Failure> {
        let clock = self.control.call("GET", "/clock", None).map_err(Failure::from_control)?;
        self.names.set("now", clock["time"].clone());
        let time = word(&clock["time"]);
        let happened = match &step.action {
            Action::Call { request, merchant, query, follows, retries } => {
                let merchant = self.merchant(merchant.as_deref());
                self.call(&step.expectation, merchant, request, query, *follows, *retries)?
            }
            Action::Control(request) => self.control(step, request)?,
            Action::Receive { event, merchant } => self.receive(event, merchant.as_deref())?,
            Action::Respond { status, merchant } => {
                let name = self.merchant(merchant.as_deref());
                self.listener.respond(name, *status);
                Happened {
                    what: format!("{name} responds to notifications with {status}"),
                    ..Happened::default()
                }
            }
        };
        self.check(step, &happened)?;
        let Happened { what, status, code, mut body, file } = happened;
        if let (Some(file), Value::Object(members)) = (file, &mut body) {
            members.insert("file".to_owned(), file.into());
        }
        let mut line = format!("{time}  {what}");
        for part in [status.map(|status| status.to_string()), code].into_iter().flatten() {
            line.push_str("  ");
            line.push_str(&part);
        }
        if let Some(name) = &step.name {
            line.push_str(&format!("  as {name}"));
            self.names.set(name, body);
        }
        let told = step.tell.as_ref().map(|text| self.names.fill_text(text)).transpose();
        Ok(told.map_err(Failure::failed)?.into_iter().chain([line]).collect())
    }

    fn merchant<'b>(&'b self, name: Option<&'b str>) -> &'b str {
        name.unwrap_or_else(|| self.story.usual_merchant())
    }

    fn target(&self, request: &Target) -> Result<(String, Option<Value>), Failure> {
        // What fills a path must not end its segment.
        let path =
            self.names.fill_with(&request.path, |value: String| encoded(&value)).map_err(Failure::failed)?;
        let body = request.body.as_ref().map(|body| self.names.fill(body)).transpose();
        Ok((path, body.map_err(Failure::failed)?))
    }

    fn call(
        &self,
        expected: &Expectation,
        merchant: &str,
        request: &Target,
        query: &Map<String, Value>,
        follows: bool,
        retries: u32,
    ) -> Result<Happened, Failure> {
        let (path, body) = self.target(request)?;
        let client = self.clients.get(merchant).ok_or_else(|| Failure::usage("the merchant is gone"))?;
        let method = http::Method::from_bytes(request.method.as_bytes()).map_err(Failure::usage)?;
        let mut query = query.clone();
        for value in query.values_mut() {
            *value = self.names.fill(value).map_err(Failure::failed)?;
        }
        let mut attempts = 0;
        let outcome = loop {
            let mut call = client.chain(&path);
            for (name, value) in &query {
                call = call.query(name.as_str(), word(value));
            }
            let outcome = call.request(method.clone(), &body);
            attempts += 1;
            if attempts > retries || !outcome.as_ref().is_err_and(leaves_open) {
                break outcome;
            }
        };
        let mut what = format!("{merchant}: {method} {path}");
        if attempts > 1 {
            what.push_str(&format!("  sent {attempts} times"));
        }
        judged(expected, what, outcome, follows.then_some(client))
    }

    fn control(&self, step: &Step, request: &Target) -> Result<Happened, Failure> {
        let (path, body) = self.target(request)?;
        let what = format!("control: {} {path}", request.method);
        match self.control.call(&request.method, &path, body.as_ref()) {
            Ok(body) => Ok(Happened { what, status: None, code: None, body, file: None }),
            Err(ClientError::Refused { status, message }) if step.expectation.is_of_refusal() => {
                Ok(Happened {
                    what,
                    status: Some(status),
                    code: None,
                    body: json!({ "message": message }),
                    file: None,
                })
            }
            Err(error @ ClientError::Refused { .. }) => Err(Failure::failed(format!("{what}: {error:#}"))),
            Err(error) => Err(Failure::network(format!("{what}: {error:#}"))),
        }
    }

    fn receive(&self, event: &str, merchant: Option<&str>) -> Result<Happened, Failure> {
        let name = self.merchant(merchant);
        let what = format!("{name} receives {event}");
        match self.listener.take(name, event) {
            Some(arrival) => Ok(Happened { what, body: arrival.shown, ..Happened::default() }),
            None => Err(Failure::failed(format!("{what}: it did not arrive"))),
        }
    }

    fn check(&self, step: &Step, happened: &Happened) -> Result<(), Failure> {
        let expected = &step.expectation;
        let mut differences = expected
            .differences(&happened.body, happened.file.as_deref(), &self.names)
            .map_err(Failure::failed)?;
        for (is_expected, wanted) in [
            (expected.lost, "to be lost"),
            (expected.unverified, "to fail its verification"),
            (expected.unknown, "to leave the result unknown"),
        ] {
            if is_expected && happened.status.is_some() {
                differences.push(format!(
                    "the response arrived and was verified, but the story expects it {wanted}"
                ));
            }
        }
        if expected.status.is_some_and(|status| happened.status.is_some_and(|found| found != status)) {
            differences.push(format!(
                "the status is {}, expected {}",
                happened.status.unwrap_or_default(),
                expected.status.unwrap_or_default()
            ));
        }
        if expected.code.is_some() && expected.code != happened.code {
            let found = happened.code.as_deref().unwrap_or("none");
            differences.push(format!(
                "the code is {found}, expected {}",
                expected.code.as_deref().unwrap_or_default()
            ));
        }
        // The status of APIv2 is always 200.
        let is_refused = happened.code.is_some() || happened.status.is_some_and(|status| status >= 300);
        if expected.is_of_refusal() && !is_refused {
            differences.push("it succeeded, but was expected to be refused".to_owned());
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(Failure::failed(format!("{}: not as expected\n  {}", happened.what, differences.join("\n  "))))
    }
}

/// What came of a call, or why that fails the step.
fn judged(
    expected: &Expectation,
    what: String,
    outcome: Result<Response<Value>, weipay::Error>,
    follows: Option<&blocking::Client>,
) -> Result<Happened, Failure> {
    match outcome {
        Ok(response) => {
            let is_example = response
                .headers()
                .get(ANSWER_HEADER)
                .is_some_and(|origin| origin == Behaviour::Example.word());
            if is_example && !expected.example {
                let reason = "the sandbox does not implement this operation: the response is an example, and nothing happened";
                return Err(Failure::failed(format!("{what}: {reason}")));
            }
            let file = follows.map(|client| download(client, &response)).transpose()?;
            let body = if response.bytes().is_empty() {
                Value::Null
            } else {
                response.json().map_err(Failure::failed)?
            };
            Ok(Happened { what, status: Some(response.status().as_u16()), code: None, body, file })
        }
        Err(error) if error.is_unverified() && expected.unverified => {
            Ok(Happened { what: format!("{what}  not verified"), ..Happened::default() })
        }
        Err(error) if error.is_network() && expected.lost => {
            Ok(Happened { what: format!("{what}  response lost"), ..Happened::default() })
        }
        Err(error) if expected.unknown && leaves_open(&error) => {
            Ok(Happened { what: format!("{what}  outcome unknown"), ..Happened::default() })
        }
        Err(error) if error.is_api() && expected.is_of_refusal() => Ok(Happened {
            what,
            status: error.status().map(|status| status.as_u16()),
            code: error.code().map(str::to_owned),
            body: error.body().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default(),
            file: None,
        }),
        Err(error) => Err(Failure::from_call(&error, format!("{what}: {}", describe(&error)))),
    }
}

/// Whether nobody knows after an error what became of the request, so that a careful client sends the same again.
fn leaves_open(error: &weipay::Error) -> bool {
    let is_of_the_platform = |status: http::StatusCode| status.is_server_error() || status.as_u16() == 429;
    error.is_network() || error.is_unverified() || error.status().is_some_and(is_of_the_platform)
}

fn download(client: &blocking::Client, response: &Response<Value>) -> Result<String, Failure> {
    let failed =
        |error: weipay::Error| Failure::from_download(&error, format!("the download: {}", describe(&error)));
    let bytes = client.download(response).to_bytes().map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
