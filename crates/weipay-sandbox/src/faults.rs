//! Fault injection (故障注入): failures of the network, of a proxy or of the platform, on demand.
//!
//! | file | what is in it |
//! |---|---|
//! | this one | the rules that are in force, and which fault a request meets |
//! | `fault` | the faults, and how they are written |
//! | `rule` | which requests a rule hits |
//! | `profile` | sets of rules with a name |
//! | `inject` | what a fault does to a response |
//!
//! A request gets the fault that its header [`FAULT_HEADER`] names, or else that of the first rule that matches it. A
//! response header of the same name reports it, and so does the log. Rules are lost when the sandbox ends.

mod fault;
mod inject;
mod profile;
mod rule;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use weipay_catalog::{Catalog, Operation};

use crate::platform::Request;
use crate::v2;
pub use fault::Fault;
pub(crate) use inject::Delivery;
pub use profile::FaultProfile;
use rule::Active;
pub use rule::FaultRule;

/// Request header that asks for a fault, and response header that reports it.
pub const FAULT_HEADER: &str = "weipay-sandbox-fault";

/// More rules are a mistake.
const MAX_RULES: usize = 100;

/// The rules that are in force.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Rules>);

#[derive(Default)]
struct Rules {
    last_id: u64,
    active: Vec<Active>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults")
    }
}

/// Error of adding a fault rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultError {
    /// The catalogue does not have its operation.
    UnknownOperation(String),
    /// Its operation does not have the error code.
    UnknownCode(String),
    /// Its host is none: it has more than a name or an address, and perhaps a port.
    Host(String),
    /// Its probability is not a number from 0 to 1.
    Probability,
    /// There are too many rules.
    TooMany,
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOperation(operation) => write!(
                f,
                "no operation is called `{}`; write its path, or method and path, as `weipay api list` shows them",
                operation.escape_debug()
            ),
            Self::UnknownCode(operation) => write!(
                f,
                "`{}` does not have this error code; `weipay api show` lists those that it has",
                operation.escape_debug()
            ),
            Self::Host(host) => write!(
                f,
                "`{}` is not a host: write only its name, such as api.mch.weixin.qq.com, with a port where it has another than the usual",
                host.escape_debug()
            ),
            Self::Probability => f.write_str("the probability of a fault must be a number from 0 to 1"),
            Self::TooMany => write!(f, "there can be {MAX_RULES} rules at most; clear some first"),
        }
    }
}

impl std::error::Error for FaultError {}

/// A rule, and how often it was met.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleStatus {
    pub(crate) id: u64,
    pub(crate) rule: FaultRule,
    pub(crate) seen: u64,
    pub(crate) injected: u64,
}

impl Faults {
    pub(crate) fn add(&self, rule: FaultRule) -> Result<u64, FaultError> {
        self.add_all(vec![rule]).map(|ids| ids.into_iter().next_back().unwrap_or_default())
    }

    /// Adds all of these rules, or none.
    pub(crate) fn add_all(&self, new: Vec<FaultRule>) -> Result<Vec<u64>, FaultError> {
        new.iter().try_for_each(FaultRule::check)?;
        self.with(|rules| {
            if rules.active.len() + new.len() > MAX_RULES {
                return Err(FaultError::TooMany);
            }
            let mut ids = Vec::new();
            for rule in new {
                rules.last_id += 1;
                rules.active.push(Active::new(rules.last_id, rule));
                ids.push(rules.last_id);
            }
            Ok(ids)
        })
    }

    /// Whether there was such a rule.
    pub(crate) fn remove(&self, id: u64) -> bool {
        self.with(|rules| {
            let before = rules.active.len();
            rules.active.retain(|active| active.id != id);
            rules.active.len() < before
        })
    }

    /// Takes all rules away. How many there were.
    pub(crate) fn clear(&self) -> usize {
        self.with(|rules| std::mem::take(&mut rules.active).len())
    }

    pub(crate) fn list(&self) -> Vec<RuleStatus> {
        self.with(|rules| rules.active.iter().map(Active::status).collect())
    }

    /// The fault that a request meets. An error says what is wrong with its header.
    pub(crate) fn choose(&self, request: &Request) -> Result<Option<Fault>, String> {
        if let Some(value) = request.headers.get(FAULT_HEADER) {
            let text = value.to_str().map_err(|_| fault::ADVICE.to_owned())?;
            let fault: Fault = text.parse()?;
            return match fault.fits(operation_of(request)) {
                true => Ok(Some(fault)),
                false => Err(
                    "this operation does not have this error code; `weipay api show` lists those that it has"
                        .to_owned(),
                ),
            };
        }
        self.with(|rules| {
            if rules.active.is_empty() {
                return Ok(None);
            }
            let operation = operation_of(request);
            let mut active = rules.active.iter_mut();
            Ok(active.find_map(|active| match request.is_of_new_tunnel && active.is_of_host_alone() {
                // Its connection has met it.
                true => None,
                false => active.meet(request, operation),
            }))
        })
    }

    /// The fault that a connection to a host meets before there is a request in it: of a rule that is about
    /// nothing but this host, and lets connections end.
    pub(crate) fn choose_for_connection(&self, target: &str) -> Option<Fault> {
        let host = target.parse().ok()?;
        let mut request = Request { method: "CONNECT".to_owned(), ..Request::default() };
        request.headers.insert("host", host);
        self.with(|rules| {
            let mut of_hosts = rules.active.iter_mut().filter(|active| active.is_of_host_alone());
            of_hosts.find_map(|active| active.meet(&request, None))
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Rules) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn operation_of(request: &Request) -> Option<&'static Operation> {
    let routed = Catalog::embedded().route(&request.method, request.path()).ok();
    routed.map(|routed| routed.operation).or_else(|| v2::operation_at(request.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_profile_that_does_not_fit_no_rule_is_added() {
        let faults = Faults::default();
        let rule = || FaultRule::new("500".parse().unwrap());
        faults.add_all((0..97).map(|_| rule()).collect()).unwrap();
        assert_eq!(faults.add_all((0..4).map(|_| rule()).collect()), Err(FaultError::TooMany));
        assert_eq!((faults.list().len(), faults.add(rule())), (97, Ok(98)));
        let wrong = rule().probability(2.0);
        assert_eq!(faults.add_all(vec![rule(), wrong]), Err(FaultError::Probability));
        assert_eq!(faults.list().len(), 98);
    }

    #[test]
    fn a_tunnel_and_its_first_request_meet_a_rule_once() {
        let faults = Faults::default();
        faults.add(FaultRule::new("drop".parse().unwrap()).host("api.mch.weixin.qq.com").first(2)).unwrap();
        let request = |is_of_new_tunnel| {
            let mut request = Request {
                method: "GET".to_owned(),
                target: "/v3/certificates".to_owned(),
                is_of_new_tunnel,
                ..Request::default()
            };
            request.headers.insert("host", "api.mch.weixin.qq.com".parse().unwrap());
            request
        };
        assert!(faults.choose_for_connection("api.mch.weixin.qq.com:443").is_some());
        assert_eq!(faults.choose(&request(true)), Ok(None));
        assert_eq!(faults.list()[0].seen, 1);
        assert!(faults.choose(&request(false)).unwrap().is_some(), "no connection has met it for this one");
    }
}
