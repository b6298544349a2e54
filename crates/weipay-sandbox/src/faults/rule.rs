//! Fault rules: which requests get a fault.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use http::uri::Authority;
use weipay_catalog::{Catalog, Operation};
use weipay_wire::Authorization;

use super::{Fault, FaultError, RuleStatus};
use crate::entropy::split_mix;
use crate::platform::Request;
use crate::v2;

/// A rule that injects a fault into matching requests; without conditions, into every request.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use weipay_sandbox::{FaultRule, Sandbox};
///
/// let sandbox = Sandbox::start()?;
/// let lost = FaultRule::new("commit-then-drop".parse()?).operation("POST /v3/marketing/busifavor/coupons/use").first(1);
/// sandbox.add_fault(lost)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    pub(crate) fault: Fault,
    pub(crate) operation: Option<String>,
    pub(crate) merchant: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) first: Option<u64>,
    pub(crate) probability: f64,
    pub(crate) seed: u64,
}

impl FaultRule {
    /// A rule that hits every request.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { fault, operation: None, merchant: None, host: None, first: None, probability: 1.0, seed: 1 }
    }

    /// Only requests of this operation: a path as in the catalogue, with or without the method before it.
    #[must_use]
    pub fn operation(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Only requests of this merchant (商户号).
    #[must_use]
    pub fn merchant(mut self, mchid: impl Into<String>) -> Self {
        self.merchant = Some(mchid.into());
        self
    }

    /// Only requests to this host: one of the platform's, such as `api.mch.weixin.qq.com`, or the one by which
    /// clients reach the sandbox. Use it to take one of two hosts down.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Only the first N matching requests.
    #[must_use]
    pub fn first(mut self, requests: u64) -> Self {
        self.first = Some(requests);
        self
    }

    /// The probability, from 0 (never) to 1 (always, the default).
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    /// The seed for [`probability`](Self::probability): the same seed selects the same requests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub(super) fn check(&self) -> Result<(), FaultError> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(FaultError::Probability);
        }
        if let Some(host) = &self.host
            && (host.contains('@') || host.parse::<Authority>().is_err())
        {
            return Err(FaultError::Host(host.clone()));
        }
        let Some(operation) = &self.operation else { return Ok(()) };
        let (method, path) = split(operation);
        let headings = Catalog::embedded().headings();
        let is_it = |known, template| template == path && method.is_none_or(|method| method == known);
        let mut named = headings.filter(|(known, template)| is_it(*known, *template)).peekable();
        if named.peek().is_none() {
            return Err(FaultError::UnknownOperation(operation.clone()));
        }
        match named.any(|(known, template)| self.fault.fits(Catalog::embedded().find(known, template))) {
            true => Ok(()),
            false => Err(FaultError::UnknownCode(operation.clone())),
        }
    }

    fn is_about(&self, request: &Request, operation: Option<&Operation>) -> bool {
        let is_operation = self.operation.as_ref().is_none_or(|wanted| {
            let (method, path) = split(wanted);
            operation.is_some_and(|operation| {
                operation.path == path && method.is_none_or(|method| method == request.method)
            })
        });
        let is_merchant = self.merchant.as_ref().is_none_or(|wanted| {
            let authorization = request.header("authorization").unwrap_or_default().parse::<Authorization>();
            authorization.is_ok_and(|authorization| authorization.mchid == *wanted)
                || operation.is_some_and(|operation| v2::gate::is_of_merchant(operation, request, wanted))
        });
        is_operation
            && is_merchant
            && self.fault.fits(operation)
            && self.host.as_ref().is_none_or(|host| is_to(request, host))
    }
}

/// Method and path template of `POST /v3/...`, `/v3/...` or `v3/...`.
fn split(operation: &str) -> (Option<&str>, &str) {
    let operation = operation.trim();
    let (method, path) = match operation.split_once(' ') {
        Some((method, path)) => (Some(method), path.trim()),
        None => (None, operation),
    };
    // Addresses of APIv2 do not have the `v2/` of the catalogue.
    match v2::operation_at(path) {
        Some(operation) => (method, operation.path),
        None => (method, path.trim_start_matches('/')),
    }
}

/// Whether the host of a request is this one. A port counts only where the rule has one; clients do not name the usual one.
fn is_to(request: &Request, wanted: &str) -> bool {
    let given = request.header("host").unwrap_or_default();
    let without_port = given.rsplit_once(':').map_or(given, |(host, _)| host);
    let usual = if request.is_secure { "443" } else { "80" };
    let is_with_usual_port = || {
        wanted.rsplit_once(':').is_some_and(|(host, port)| port == usual && given.eq_ignore_ascii_case(host))
    };
    given.eq_ignore_ascii_case(wanted) || without_port.eq_ignore_ascii_case(wanted) || is_with_usual_port()
}

impl Active {
    /// Whether the rule lets every connection to one host end, whatever is asked for.
    pub(super) fn is_of_host_alone(&self) -> bool {
        let FaultRule { fault, operation, merchant, host, .. } = &self.rule;
        host.is_some() && operation.is_none() && merchant.is_none() && fault.ends_connection()
    }
}

/// The most probed requests remembered.
const MAX_PROBED: usize = 256;
/// UNCONFIRMED(probe-again): how long the same request is a repeat, and by what the platform knows it.
const REPEATED_WITHIN: Duration = Duration::from_secs(300);

/// The identity of a request: method, URL and body, without the signature.
fn digest_of(request: &Request) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in [request.method.as_bytes(), b" ", request.target.as_bytes(), b"\n", &request.body] {
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// A rule in force.
pub(super) struct Active {
    pub(super) id: u64,
    rule: FaultRule,
    /// How many requests it was about.
    seen: u64,
    injected: u64,
    state: u64,
    /// The probe, and its time.
    probed: VecDeque<(Instant, [u8; 32])>,
}

impl Active {
    pub(super) fn new(id: u64, rule: FaultRule) -> Self {
        Self { id, state: rule.seed, rule, seen: 0, injected: 0, probed: VecDeque::new() }
    }

    pub(super) fn status(&self) -> RuleStatus {
        RuleStatus { id: self.id, rule: self.rule.clone(), seen: self.seen, injected: self.injected }
    }

    /// The fault, when this request is hit.
    pub(super) fn meet(&mut self, request: &Request, operation: Option<&Operation>) -> Option<Fault> {
        if self.rule.first.is_some_and(|first| self.seen >= first) || !self.rule.is_about(request, operation)
        {
            return None;
        }
        // The platform does not probe a repeat of what it has probed.
        let digest = self.rule.fault.is_probe().then(|| digest_of(request));
        if digest.is_some_and(|digest| self.has_probed(&digest)) {
            return None;
        }
        self.seen += 1;
        if draw(&mut self.state) >= self.rule.probability {
            return None;
        }
        self.injected += 1;
        if let Some(digest) = digest {
            self.probed.push_back((Instant::now(), digest));
        }
        Some(self.rule.fault)
    }

    fn has_probed(&mut self, digest: &[u8; 32]) -> bool {
        while self.probed.len() > MAX_PROBED
            || self.probed.front().is_some_and(|(when, _)| when.elapsed() > REPEATED_WITHIN)
        {
            self.probed.pop_front();
        }
        self.probed.iter().any(|(_, known)| known == digest)
    }
}

/// The next number from 0 to less than 1.
fn draw(state: &mut u64) -> f64 {
    const BITS: u32 = 32;
    // Both numbers have 32 bits, so that no bit is lost on the way.
    let high = u32::try_from(split_mix(state) >> BITS).unwrap_or(u32::MAX);
    f64::from(high) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::faults::Faults;

    const USE: &str = "/v3/marketing/busifavor/coupons/use";

    fn request(method: &str, target: &str, host: &'static str) -> Request {
        let mut request =
            Request { method: method.to_owned(), target: target.to_owned(), ..Request::default() };
        request.headers.insert("host", HeaderValue::from_static(host));
        request
    }

    fn rule() -> FaultRule {
        FaultRule::new("drop".parse().unwrap())
    }

    /// Which requests are hit.
    fn hits(rule: FaultRule, requests: usize) -> Vec<bool> {
        let faults = Faults::default();
        faults.add(rule).unwrap();
        let request = request("POST", USE, "a");
        (0..requests).map(|_| faults.choose(&request).unwrap().is_some()).collect()
    }

    #[test]
    fn the_first_requests_are_hit_and_no_others() {
        assert_eq!(hits(rule().first(2), 4), [true, true, false, false]);
        assert_eq!(hits(rule().first(0), 2), [false, false]);
    }

    #[test]
    fn probability_zero_never_hits_one_always_and_a_seed_the_same() {
        assert!(!hits(rule().probability(0.0), 1_000).contains(&true));
        assert!(!hits(rule(), 1_000).contains(&false));
        let half = |seed| hits(rule().probability(0.5).seed(seed), 1_000);
        assert_eq!(half(1), half(1));
        assert_ne!(half(1), half(2));
        let count = half(1).iter().filter(|hit| **hit).count();
        assert!((400..600).contains(&count), "{count}");
    }

    #[test]
    fn operation_host_and_merchant_narrow_a_rule() {
        let is_hit = |rule: FaultRule, request: &Request| {
            let faults = Faults::default();
            faults.add(rule).unwrap();
            faults.choose(request).unwrap().is_some()
        };
        let here = request("POST", USE, "api.mch.weixin.qq.com:443");
        assert!(is_hit(rule().operation(format!("POST {USE}")), &here));
        assert!(is_hit(rule().operation(USE), &here));
        assert!(!is_hit(rule().operation("/v3/marketing/busifavor/coupons/associate"), &here));
        assert!(is_hit(rule().host("API.mch.weixin.qq.com"), &here));
        assert!(is_hit(rule().host("api.mch.weixin.qq.com:443"), &here));
        assert!(!is_hit(rule().host("api2.mch.weixin.qq.com"), &here));
        assert!(!is_hit(rule().merchant("1900000109"), &here));
        let stock = request("GET", "/v3/marketing/busifavor/stocks/7", "a");
        assert!(is_hit(rule().operation("GET /v3/marketing/busifavor/stocks/{stock_id}"), &stock));
    }

    #[test]
    fn a_rule_that_could_never_hit_is_refused() {
        let add = |rule| Faults::default().add(rule).unwrap_err();
        assert_eq!(
            add(rule().operation("/v3/nowhere")),
            FaultError::UnknownOperation("/v3/nowhere".to_owned())
        );
        assert!(matches!(add(rule().operation(format!("GET {USE}"))), FaultError::UnknownOperation(_)));
        for probability in [-0.1, 1.1, f64::NAN] {
            assert_eq!(add(rule().probability(probability)), FaultError::Probability);
        }
        for host in ["https://api.mch.weixin.qq.com", "api.mch.weixin.qq.com/v3", "", "a b"] {
            assert_eq!(add(rule().host(host)), FaultError::Host(host.to_owned()));
        }
        // A container may have any name, with a port or without one.
        for host in ["sandbox:8080", "[::1]:8080", "127.0.0.1", "api.mch.weixin.qq.com:443"] {
            assert_eq!(Faults::default().add(rule().host(host)), Ok(1));
        }
    }

    #[test]
    fn rules_are_listed_removed_and_bounded() {
        let faults = Faults::default();
        for id in 1..=100 {
            assert_eq!(faults.add(rule()), Ok(id));
        }
        assert_eq!(faults.add(rule()), Err(FaultError::TooMany));
        assert!(faults.remove(7) && !faults.remove(7));
        assert_eq!(faults.list().len(), 99);
        faults.clear();
        assert_eq!(faults.list(), []);
    }

    #[test]
    fn the_usual_port_of_a_rule_is_that_of_a_host_without_one() {
        for (wanted, is_secure, is_met) in [
            ("api.mch.weixin.qq.com:443", true, true),
            ("api.mch.weixin.qq.com:443", false, false),
            ("api.mch.weixin.qq.com:80", false, true),
            ("api.mch.weixin.qq.com:8443", true, false),
        ] {
            let given = Request { is_secure, ..request("GET", "/v3/certificates", "api.mch.weixin.qq.com") };
            assert_eq!(is_to(&given, wanted), is_met, "{wanted} {is_secure}");
        }
    }

    #[test]
    fn a_repeat_of_what_was_probed_is_not_probed_again() {
        let faults = Faults::default();
        faults.add(FaultRule::new("probe-signature".parse().unwrap())).unwrap();
        let order = |number: &str| Request { body: number.into(), ..request("POST", USE, "a") };
        let met = |request: &Request| faults.choose(request).unwrap().is_some();
        assert!(met(&order("1")) && !met(&order("1")) && !met(&order("1")));
        assert!(met(&order("2")));
        assert_eq!(faults.list()[0].injected, 2);
    }
}
