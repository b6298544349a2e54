//! What a story says: merchants, people, and steps. `stories/README.md` describes it.

use serde_json::{Map, Value};
use weipay_sandbox::Trigger;

use super::expectation::Expectation;
use super::names;
use super::toml_reader::{Lined, StoryError, Table, parse};

#[derive(Debug)]
pub(super) struct Story {
    pub(super) title: String,
    /// Where the clock is stopped at the beginning.
    pub(super) start: Option<Lined<String>>,
    pub(super) merchants: Vec<StoryMerchant>,
    pub(super) people: Vec<Lined<String>>,
    pub(super) steps: Vec<Step>,
}

#[derive(Debug)]
pub(super) struct StoryMerchant {
    pub(super) name: String,
    pub(super) line: usize,
    /// Names of merchants that stand above, or merchant IDs.
    pub(super) sub_merchants: Vec<String>,
    pub(super) platform_keys: Option<String>,
    pub(super) certificate: Option<String>,
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) line: usize,
    /// By which later steps name what came back.
    pub(super) name: Option<String>,
    /// What the step is about, in plain words. It may name what came back.
    pub(super) tell: Option<String>,
    pub(super) action: Action,
    pub(super) expectation: Expectation,
}

#[derive(Debug)]
pub(super) enum Action {
    /// One signed request.
    Call {
        request: Target,
        /// The name of the merchant that signs it.
        merchant: Option<String>,
        query: Map<String, Value>,
        /// Whether the file is downloaded that the response names.
        follows: bool,
        /// How often the same request is sent again while nobody knows what became of it.
        retries: u32,
    },
    /// One request to the control API.
    Control(Target),
    /// A notification that is to arrive.
    Receive { event: String, merchant: Option<String> },
    /// What the receiver responds from now on.
    Respond { status: u16, merchant: Option<String> },
}

#[derive(Debug)]
pub(super) struct Target {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Target {
    /// What it names of other steps.
    fn paths(&self) -> Vec<&str> {
        names::paths(&self.path).into_iter().chain(self.body.iter().flat_map(names::paths_in)).collect()
    }
}

impl Story {
    pub(super) fn from_toml(text: &str) -> Result<Self, StoryError> {
        let arrays = [("merchant", "a merchant"), ("person", "a person"), ("step", "a step")];
        let mut table = parse(text, &arrays)?;
        let title = table.text("title")?.ok_or_else(|| table.wrong("`title` is missing"))?.value;
        let start = table.text("start")?;
        let merchants: Vec<_> =
            table.tables("merchant").into_iter().map(StoryMerchant::read).collect::<Result<_, _>>()?;
        let people: Vec<_> = table.tables("person").into_iter().map(person).collect::<Result<_, _>>()?;
        let steps: Vec<_> = table.tables("step").into_iter().map(Step::read).collect::<Result<_, _>>()?;
        table.check_nothing_left()?;
        if steps.is_empty() {
            return Err(table.wrong("a story needs at least one [[step]]"));
        }
        let story = Self { title, start, merchants, people, steps };
        story.check_names()?;
        story.check_uses()?;
        story.check_events()?;
        Ok(story)
    }

    /// A name means one thing, and a step names only merchants that there are.
    fn check_names(&self) -> Result<(), StoryError> {
        let mut seen = vec![DEFAULT_MERCHANT, "now", "run"];
        let merchants = self.merchants.iter().map(|merchant| (merchant.name.as_str(), merchant.line));
        let people = self.people.iter().map(|person| (person.value.as_str(), person.line));
        let steps = self.steps.iter().filter_map(|step| Some((step.name.as_deref()?, step.line)));
        for (name, line) in merchants.chain(people).chain(steps) {
            let wrong = |reason: String| StoryError { line, reason };
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if name.is_empty() || !name.bytes().all(is_plain) {
                return Err(wrong(format!("`{name}` cannot be a name: write letters, digits, - and _")));
            }
            if seen.contains(&name) {
                return Err(wrong(format!("the name `{name}` is taken already")));
            }
            seen.push(name);
        }
        for step in &self.steps {
            let (Action::Call { merchant, .. }
            | Action::Receive { merchant, .. }
            | Action::Respond { merchant, .. }) = &step.action
            else {
                continue;
            };
            let is_known = |name: &str| {
                name == DEFAULT_MERCHANT || self.merchants.iter().any(|merchant| merchant.name == name)
            };
            if let Some(name) = merchant.as_deref().filter(|name| !is_known(name)) {
                return Err(StoryError {
                    line: step.line,
                    reason: format!("no [[merchant]] is named `{name}`"),
                });
            }
        }
        Ok(())
    }

    /// What a step names is there when it is carried out.
    fn check_uses(&self) -> Result<(), StoryError> {
        let merchants: Vec<&str> =
            self.merchants.iter().map(|merchant| merchant.name.as_str()).chain([DEFAULT_MERCHANT]).collect();
        let people: Vec<&str> = self.people.iter().map(|person| person.value.as_str()).collect();
        let mut known: Vec<&str> = merchants.iter().chain(&people).copied().chain(["now", "run"]).collect();
        for step in &self.steps {
            let check = |path: &str, known: &[&str]| {
                let wrong = |reason: String| Err(StoryError { line: step.line, reason });
                let (name, rest) = path.split_once('.').unwrap_or((path, ""));
                let member = rest.split('.').next().unwrap_or_default();
                if !known.contains(&name) {
                    return wrong(format!(
                        "unknown name `{name}`; known before this step: {}",
                        known.join(", ")
                    ));
                }
                if merchants.contains(&name) && !MERCHANT_MEMBERS.contains(&member) {
                    return wrong(format!(
                        "`{name}` has no `{member}`; a merchant has {}",
                        MERCHANT_MEMBERS.join(", ")
                    ));
                }
                if people.contains(&name)
                    && !["openid", "unionid"].contains(&member)
                    && !merchants.contains(&member)
                {
                    return wrong(format!(
                        "`{name}` has no `{member}`; a person has openid, unionid and MERCHANT.openid"
                    ));
                }
                Ok(())
            };
            let mut paths = step.expectation.paths();
            if let Action::Call { request, query, .. } = &step.action {
                paths.extend(request.paths());
                paths.extend(query.values().flat_map(names::paths_in));
            } else if let Action::Control(request) = &step.action {
                paths.extend(request.paths());
            }
            paths.into_iter().try_for_each(|path| check(path, &known))?;
            known.extend(step.name.as_deref());
            let told = step.tell.as_deref().unwrap_or_default();
            names::paths(told).into_iter().try_for_each(|path| check(path, &known))?;
        }
        Ok(())
    }

    /// A step waits only for an event that there is.
    fn check_events(&self) -> Result<(), StoryError> {
        for step in &self.steps {
            if let Action::Receive { event, .. } = &step.action
                && let Err(error) = Trigger::new(event)
            {
                return Err(StoryError { line: step.line, reason: format!("`receive`: {error}") });
            }
        }
        Ok(())
    }

    /// Who signs where a step does not say it.
    pub(super) fn usual_merchant(&self) -> &str {
        self.merchants.first().map_or(DEFAULT_MERCHANT, |merchant| &merchant.name)
    }
}

/// What a story knows of a merchant.
const MERCHANT_MEMBERS: [&str; 5] = ["mchid", "appid", "openid", "merchant_serial", "notify_url"];

/// The most `retries` of a step.
const MAX_RETRIES: u32 = 100;

/// The name of the sandbox's first merchant.
pub(super) const DEFAULT_MERCHANT: &str = "merchant";

impl StoryMerchant {
    fn read(mut table: Table) -> Result<Self, StoryError> {
        let line = table.line();
        let name = table.text("name")?.ok_or_else(|| table.wrong("`name` is missing"))?.value;
        let read = Self {
            name,
            line,
            sub_merchants: table.texts("sub_merchants")?,
            platform_keys: word(&mut table, "platform_keys", &PLATFORM_KEYS)?,
            certificate: word(&mut table, "certificate", &CERTIFICATE_STATES)?,
        };
        table.check_nothing_left()?;
        Ok(read)
    }
}

const PLATFORM_KEYS: [&str; 3] = ["public-key", "certificate", "migration"];
const CERTIFICATE_STATES: [&str; 4] = ["valid", "expired", "revoked", "not-yet-valid"];

/// A member that has one of these values. It is checked before anything happens: the story may be about a
/// sandbox that runs already.
fn word(table: &mut Table, name: &'static str, words: &[&str]) -> Result<Option<String>, StoryError> {
    let Some(Lined { value, line }) = table.text(name)? else { return Ok(None) };
    if !words.contains(&&*value) {
        let reason = format!("`{name}` must be one of {}, not {}", words.join(", "), value.escape_debug());
        return Err(StoryError { line, reason });
    }
    Ok(Some(value))
}

fn person(mut table: Table) -> Result<Lined<String>, StoryError> {
    let line = table.line();
    let name = table.text("name")?.ok_or_else(|| table.wrong("`name` is missing"))?.value;
    table.check_nothing_left()?;
    Ok(Lined { value: name, line })
}

impl Step {
    fn read(mut table: Table) -> Result<Self, StoryError> {
        let line = table.line();
        let name = table.text("name")?.map(|name| name.value);
        let tell = table.text("tell")?.map(|text| text.value);
        let merchant = table.text("as")?.map(|name| name.value);
        let call = table.text("call")?;
        let control = table.text("control")?;
        let receive = table.text("receive")?;
        let respond = table.status("respond")?;
        let kinds = [call.is_some(), control.is_some(), receive.is_some(), respond.is_some()];
        if kinds.into_iter().filter(|is| *is).count() != 1 {
            return Err(table.wrong("a step needs exactly one of call, control, receive and respond"));
        }
        let action = if let Some(call) = call {
            let query = table.object("query")?.map(|query| query.value).unwrap_or_default();
            let follows = table.flag("follow")?;
            let retries = table.count("retries", MAX_RETRIES)?;
            Action::Call { request: target(&mut table, &call)?, merchant, query, follows, retries }
        } else if let Some(control) = control {
            if merchant.is_some() {
                return Err(table.wrong("`as` has no meaning here: a control request belongs to no merchant"));
            }
            Action::Control(target(&mut table, &control)?)
        } else if let Some(event) = receive {
            Action::Receive { event: event.value, merchant }
        } else {
            Action::Respond { status: respond.unwrap_or_default(), merchant }
        };
        let expectation = match table.object("expect")? {
            Some(expect) => Expectation::read(Table::from_object("`expect`", expect.line, expect.value))?,
            None => Expectation::default(),
        };
        table.check_nothing_left()?;
        Ok(Self { line, name, tell, action, expectation })
    }
}

/// `METHOD PATH`, and the body beside it.
fn target(table: &mut Table, text: &Lined<String>) -> Result<Target, StoryError> {
    let body = table.take("body").map(|body| body.value);
    let (method, path) = text.value.split_once(' ').unwrap_or_default();
    if !["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method) || path.trim().is_empty() {
        let reason = format!("`{}` must be a method and a path, such as GET v3/certificates", text.value);
        return Err(StoryError { line: text.line, reason });
    }
    Ok(Target { method: method.to_owned(), path: path.trim().to_owned(), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str) -> (usize, String) {
        let error = Story::from_toml(text).unwrap_err();
        (error.line, error.reason)
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, line, part) in [
            ("title = ", 1, ""),
            ("", 1, "`title` is missing"),
            ("title = 'a'", 1, "at least one [[step]]"),
            ("title = 'a'\nstep = 1", 2, "[[step]]"),
            ("title = 'a'\n\n[[step]]\nname = 'b'", 3, "exactly one of"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a'\ncontrol = 'GET /a'", 2, "exactly one of"),
            ("title = 'a'\n[[step]]\ncall = 'v3/a'", 3, "a method and a path"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a'\nbdoy = 1", 4, "has no `bdoy`"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a'\nexpect = { sttaus = 1 }", 4, "has no `sttaus`"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a'\nexpect = { status = 1 }", 4, "an HTTP status"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a'\nretries = 101", 4, "a number from 0 to 100"),
            ("title = 'a'\n[[step]]\ncontrol = 'GET /a'\nretries = 1", 4, "has no `retries`"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a'\nas = 'shop'", 2, "no [[merchant]] is named `shop`"),
            ("title = 'a'\n[[person]]\nname = 'a b'\n[[step]]\ncall = 'GET v3/a'", 2, "cannot be a name"),
            ("title = 'a'\n[[merchant]]\nname = 'a?b'\n[[step]]\ncall = 'GET v3/a'", 2, "cannot be a name"),
            ("title = 'a'\n[[person]]\nname = '甲'\n[[step]]\ncall = 'GET v3/a'", 2, "cannot be a name"),
            ("title = 'a'\n[[step]]\nname = 'now'\ncall = 'GET v3/a'", 2, "is taken already"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a/{{bob.openid}}'", 2, "unknown name `bob`"),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/a'\nbody = { a = ['{{b.c}}'] }", 2, "unknown name `b`"),
            (
                "title = 'a'\n[[step]]\ncall = 'GET v3/a'\nexpect = { body = { a = '{{b}}' } }",
                2,
                "unknown name `b`",
            ),
            ("title = 'a'\n[[step]]\ncall = 'GET v3/{{merchant.mchId}}'", 2, "`merchant` has no `mchId`"),
            (
                "title = 'a'\n[[person]]\nname = 'bob'\n[[step]]\ncall = 'GET v3/{{bob.id}}'",
                4,
                "`bob` has no `id`",
            ),
            ("title = 'a'\n[[step]]\nreceive = 'TRANSACTION.SUCCES'", 2, "TRANSACTION.SUCCES"),
        ] {
            let (found, reason) = refused(text);
            assert!(found == line && reason.contains(part), "{text}\n{found}: {reason}");
        }
    }

    #[test]
    fn times_may_be_written_as_toml_has_them() {
        let story =
            Story::from_toml("title = 'a'\nstart = 2026-11-02T09:00:00+08:00\n[[step]]\ncall = 'GET v3/a'");
        // A time is a text in the API.
        assert_eq!(story.unwrap().start.unwrap().value, "2026-11-02T09:00:00+08:00");
    }
}
