//! A request of the control API, whose members fit its route.

use serde_json::{Map, Value};

use super::ControlError;
use super::route::{Route, decoded};
use crate::reasons;

#[cfg(test)]
thread_local! {
    /// The members that handlers have asked for on this thread.
    pub(super) static READ: std::cell::RefCell<std::collections::BTreeSet<String>> =
        const { std::cell::RefCell::new(std::collections::BTreeSet::new()) };
}

/// A request whose members fit its route.
pub(crate) struct ControlRequest {
    path: Vec<(&'static str, String)>,
    members: Map<String, Value>,
}

impl ControlRequest {
    pub(super) fn read(
        route: &Route,
        path: Vec<(&'static str, String)>,
        query: &str,
        body: &[u8],
    ) -> Result<Self, ControlError> {
        let members = if route.has_body() { read_body(body)? } else { read_query(route, query)? };
        for name in members.keys() {
            if route.members.iter().all(|member| member.name != name) {
                let known: Vec<_> = route.members.iter().map(|member| member.name).collect();
                return Err(ControlError::invalid(format!(
                    "unknown member `{}`; this route has: {}",
                    name.escape_debug(),
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                )));
            }
        }
        for member in route.members {
            match members.get(member.name) {
                None | Some(Value::Null) if member.is_required => {
                    return Err(ControlError::invalid(format!("`{}` is missing", member.name)));
                }
                None | Some(Value::Null) => {}
                Some(value) => member.check(value)?,
            }
        }
        Ok(Self { path, members })
    }

    /// The value of a placeholder.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let items = self.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A member as it was sent.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        #[cfg(test)]
        READ.with_borrow_mut(|read| read.insert(name.to_owned()));
        self.members.get(name).filter(|value| !value.is_null())
    }
}

fn read_body(body: &[u8]) -> Result<Map<String, Value>, ControlError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(ControlError::invalid("the body must be a JSON object".to_owned())),
    }
}

fn read_query(route: &Route, query: &str) -> Result<Map<String, Value>, ControlError> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value).ok_or_else(|| ControlError::invalid(reasons::QUERY_NOT_UTF8))?;
            let member = route.members.iter().find(|member| member.name == name);
            Ok((name.to_owned(), member.map_or(Value::Null, |member| member.value_of_query(&value))))
        })
        .collect()
}
