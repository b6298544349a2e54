//! Sets of rules with a name (故障场景), for a whole run of tests.

use std::str::FromStr;

use super::fault::{Body, Fault, Kind};
use super::rule::FaultRule;

/// A set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultProfile {
    /// Most requests go well; some are limited, slow, lost before or after they were carried out, or probed.
    Flaky,
    /// No request goes well.
    Outage,
    /// The platform's keys change: some responses name an unknown key, and some are signature probes.
    Rotation,
}

impl FromStr for FaultProfile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Flaky, Self::Outage, Self::Rotation];
        all.into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| "a profile of faults is one of flaky, outage, rotation".to_owned())
    }
}

const DROP: Kind = Kind::Drop;

impl FaultProfile {
    /// `flaky`, `outage` or `rotation`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flaky => "flaky",
            Self::Outage => "outage",
            Self::Rotation => "rotation",
        }
    }

    /// Its rules. A seed hits the same requests each time.
    #[must_use]
    pub fn rules(self, seed: u64) -> Vec<FaultRule> {
        let slow = Kind::Slow(std::time::Duration::from_millis(200));
        let set: &[(Kind, bool, f64)] = match self {
            Self::Flaky => &[
                (Kind::Status(429, Body::Json), false, 0.05),
                (Kind::Status(500, Body::Json), false, 0.05),
                (Kind::Status(502, Body::Html), false, 0.05),
                (Kind::Reset, false, 0.05),
                (DROP, true, 0.05),
                (slow, false, 0.1),
                (Kind::ProbeSignature, false, 0.02),
            ],
            Self::Outage => &[
                (Kind::Status(502, Body::Html), false, 0.3),
                (DROP, false, 0.3),
                (Kind::Status(503, Body::Json), false, 1.0),
            ],
            Self::Rotation => &[(Kind::UnknownSerial, false, 0.1), (Kind::ProbeSignature, false, 0.1)],
        };
        // Each rule draws from a sequence that begins elsewhere.
        (1..)
            .zip(set)
            .map(|(number, (kind, commits, probability))| {
                FaultRule::new(Fault { kind: *kind, commits: *commits })
                    .probability(*probability)
                    .seed(seed.wrapping_add(number))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;
    use crate::platform::Request;

    fn share(profile: FaultProfile) -> f64 {
        let faults = Faults::default();
        for rule in profile.rules(1) {
            faults.add(rule).unwrap();
        }
        // No request is a repeat of another, which would not be probed again.
        let request = |number: i32| Request { target: format!("/{number}"), ..Request::default() };
        let hits = (0..1_000).filter(|number| faults.choose(&request(*number)).unwrap().is_some()).count();
        f64::from(u16::try_from(hits).unwrap()) / 1_000.0
    }

    #[test]
    fn an_outage_hits_every_request_and_a_flaky_platform_some() {
        assert!((share(FaultProfile::Outage) - 1.0).abs() < f64::EPSILON);
        assert!((0.2..0.45).contains(&share(FaultProfile::Flaky)));
        assert!((0.1..0.3).contains(&share(FaultProfile::Rotation)));
    }

    #[test]
    fn a_profile_is_read_by_its_name() {
        assert_eq!("flaky".parse(), Ok(FaultProfile::Flaky));
        assert_eq!(FaultProfile::Rotation.name().parse(), Ok(FaultProfile::Rotation));
        assert!("Flaky".parse::<FaultProfile>().is_err());
    }
}
