//! The two official hosts (failover), and a circuit breaker for each of them.
//!
//! The circuit of a host is closed while the host works, and calls go there. After [`MAX_FAILURES`] failures in succession it
//! is open, and calls are kept away. After [`OPEN_FOR`] it is half-open: one call probes the host, and the others wait for its
//! result.
//!
//! The signature does not cover the host, and the platform keeps requests by their numbers, so a backup host is the same platform
//! on another way. Which calls may go there after a failure is for [`retry`](crate::retry) to decide, not here.

use std::io;
use std::time::Duration;

use http::StatusCode;

use crate::base_url::BaseUrl;
use crate::error::{Error, ErrorKind, NetworkError, Sent};
use crate::retry::RetryClass;
use crate::transport::NotOfHost;

/// The main hosts (主域名) that have a backup (备域名), each with it.
pub(crate) const PAIRS: [(&str, &str); 2] = [
    (BaseUrl::MAIN, "https://api2.mch.weixin.qq.com"),
    ("https://api.wechatpay.cn", "https://api2.wechatpay.cn"),
];

/// Consecutive failures after which the circuit of a host opens.
const MAX_FAILURES: u32 = 3;

/// How long a circuit stays open; then one call probes the host.
const OPEN_FOR: Duration = Duration::from_secs(30);

/// How long a failure is taken for the state of the host. Later it may be back, so a call that fails at the other one goes there,
/// whatever the budget is, and leaves time for it. While both fail, each is asked again and again, and neither seems to be back.
const RECENT: Duration = Duration::from_secs(5);

/// The minimum time for a healthy host before the other one is tried, if the call has that much.
const MIN_SHARE: Duration = Duration::from_secs(5);

/// The minimum time that is left for the other host: to connect, and for a response.
const MIN_REST: Duration = Duration::from_secs(2);

/// Less than this is not worth an attempt at the other host. It is shorter than [`MIN_REST`], because some milliseconds of a
/// call's time have passed when that is asked: of four seconds, both hosts have two.
pub(crate) const WORTH_AN_ATTEMPT: Duration = Duration::from_millis(1_800);

/// One of the two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// The host of the base URL.
    Main,
    Backup,
}

impl Host {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Main => Self::Backup,
            Self::Backup => Self::Main,
        }
    }
}

/// The state of a host according to the last attempts.
#[derive(Debug, Default, Clone, Copy)]
enum Health {
    /// It responded, or it was not asked yet.
    #[default]
    Works,
    Fails {
        /// How often in succession.
        times: u32,
        /// When it failed last.
        last: Duration,
        /// When one call may probe it.
        half_open_at: Duration,
        /// Whether the other host responded when it was asked last, and that was later.
        other_responded: bool,
        /// Whether the last failure was that no connection was made in time.
        is_slow_to_connect: bool,
    },
}

impl Health {
    fn has_failed(self) -> bool {
        matches!(self, Self::Fails { .. })
    }

    /// Whether its circuit is open or half-open: it failed so often that calls are kept away from it.
    fn is_open(self) -> bool {
        matches!(self, Self::Fails { times: MAX_FAILURES.., .. })
    }

    /// Whether it may respond, as far as is known: it works, or its last failure is not recent.
    fn may_respond(self, now: Duration) -> bool {
        !matches!(self, Self::Fails { last, .. } if now < last.saturating_add(RECENT))
    }

    /// Whether one call may probe it: its last failure, if there was one, is so long ago. The backup host is not asked while the
    /// main one works.
    fn is_half_open(self, now: Duration) -> bool {
        !matches!(self, Self::Fails { half_open_at, .. } if now < half_open_at)
    }

    /// When it failed last; `None` if it works.
    fn last_failure(self) -> Option<Duration> {
        if let Self::Fails { last, .. } = self { Some(last) } else { None }
    }

    /// Takes the probe, if it is due. Of the calls that come then, one takes it and the others wait for the next.
    fn try_take_probe(&mut self, now: Duration) -> bool {
        let is_half_open = self.is_half_open(now);
        if let Self::Fails { half_open_at, .. } = self
            && is_half_open
        {
            *half_open_at = now.saturating_add(OPEN_FOR);
        }
        is_half_open
    }

    /// Lets a call through: if the circuit is closed, or as the probe.
    fn try_acquire(&mut self, now: Duration, may_probe: bool) -> bool {
        !self.is_open() || may_probe && self.try_take_probe(now)
    }

    /// After one more failure.
    fn after_failure(self, now: Duration, is_slow_to_connect: bool) -> Self {
        let times = if let Self::Fails { times, .. } = self { times.saturating_add(1) } else { 1 };
        let half_open_at = now.saturating_add(OPEN_FOR);
        Self::Fails { times, last: now, half_open_at, other_responded: false, is_slow_to_connect }
    }

    fn is_slow_to_connect(self) -> bool {
        matches!(self, Self::Fails { is_slow_to_connect: true, .. })
    }
}

/// The state of a host according to the outcome of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostStatus {
    /// Of a call that could not be prepared nothing was sent to any host, and not every failure is one of the host.
    Unknown,
    Responded,
    /// No connection was made in time. The host may be down, or the network slow.
    NotConnected,
    Failed,
}

impl HostStatus {
    pub(crate) fn has_failed(self) -> bool {
        matches!(self, Self::NotConnected | Self::Failed)
    }

    /// It is decided before [`Hosts`] are locked: the causes of a caller's error may do whatever they like.
    pub(crate) fn of(error: Option<&Error>) -> Self {
        match error {
            Some(error) if error.is_request() || is_not_of_host(error) => Self::Unknown,
            Some(error) if is_slow_connection(error) => Self::NotConnected,
            Some(error) if is_host_failure(error) => Self::Failed,
            _ => Self::Responded,
        }
    }
}

/// The state of both hosts, which all calls of a client share.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    main: Health,
    backup: Health,
    /// When a call may take its [patient turn](Self::take_patient_turn).
    patient_turn_at: Duration,
}

impl Hosts {
    /// The host for the next attempt: the main one, unless its circuit is open or it has just failed this call. A call that
    /// `may_probe`, which a host may keep waiting, probes a host whose circuit is half-open.
    pub(crate) fn choose(&mut self, now: Duration, failed: Option<Host>, may_probe: bool) -> Host {
        let first = failed.map_or(Host::Main, Host::other);
        if self.health_mut(first).try_acquire(now, may_probe) || failed.is_some() {
            return first;
        }
        // If the backup host fails too, the main one may be back: one call of any kind probes it, and the others stay where
        // they may get a response.
        let probes_main = !self.backup.is_half_open(now) && self.main.try_take_probe(now);
        if probes_main {
            return Host::Main;
        }
        // If both circuits are open, a call goes to the host that failed longer ago: it is more likely to be back.
        let is_longer_ago = self.backup.last_failure() < self.main.last_failure();
        if self.backup.try_acquire(now, may_probe) || is_longer_ago { Host::Backup } else { Host::Main }
    }

    /// The host that a call begins with which has so much time for both. One that may ask both, as `may_probe` says, and has the
    /// time for it, begins as [`choose`](Self::choose) says. Any other has one attempt that counts: it does not begin with a host
    /// that failed the last time if the other one has responded since. One of them probes it, as with an open circuit.
    pub(crate) fn choose_first(&mut self, time_for_both: Duration, now: Duration, may_probe: bool) -> Host {
        let host = self.choose(now, None, may_probe);
        let asks_both = may_probe && time_for_both >= WORTH_AN_ATTEMPT * 2;
        let health = self.health_mut(host);
        let is_other_better =
            !health.is_open() && matches!(health, Health::Fails { other_responded: true, .. });
        if is_other_better && !asks_both && !(may_probe && health.try_take_probe(now)) {
            host.other()
        } else {
            host
        }
    }

    /// How much of the time that is left a first attempt at this host may take, so that one that stays silent leaves time for the
    /// other; `None` if it may take all. This is the only rule; [`ClientBuilder::failover`](crate::ClientBuilder::failover)
    /// describes it.
    ///
    /// - This host failed the last time: half. The other one is likely to respond, or either may be back.
    /// - This one works, and the other may respond: half, but five seconds where two more are left for the other. Less than two
    ///   are not worth an attempt there.
    /// - Otherwise only this one is known to work: all.
    pub(crate) fn first_share(&self, host: Host, left: Duration, now: Duration) -> Option<Duration> {
        let may_other_respond = self.health(host).has_failed() || self.health(host.other()).may_respond(now);
        self.share(host, left).filter(|_| may_other_respond)
    }

    /// How much of the time that is left a first attempt may take to connect to this host; `None` if it may take all.
    ///
    /// It is the same share if the other host works. If that failed the last time, connecting is perhaps slow on this network:
    /// with a share, both hosts would be given up each time, and no connection would ever be made.
    pub(crate) fn connect_share(&self, host: Host, left: Duration) -> Option<Duration> {
        self.share(host, left).filter(|_| !self.health(host.other()).has_failed())
    }

    /// Whether a call that may ask both hosts waits for one of them with all of its time. If neither made a connection in time,
    /// connecting is perhaps slow on this network, and no share would ever be enough. One call in five seconds finds that out; the
    /// others still ask both, since either host may be back. Once a connection is made, that host works, and is not left.
    pub(crate) fn take_patient_turn(&mut self, now: Duration) -> bool {
        let are_slow = self.main.is_slow_to_connect() && self.backup.is_slow_to_connect();
        let takes_turn = are_slow && now >= self.patient_turn_at;
        if takes_turn {
            self.patient_turn_at = now.saturating_add(RECENT);
        }
        takes_turn
    }

    fn share(&self, host: Host, left: Duration) -> Option<Duration> {
        let half = left / 2;
        if self.health(host).has_failed() {
            return Some(half);
        }
        let share = half.max(MIN_SHARE.min(left.saturating_sub(MIN_REST)));
        (left.saturating_sub(share) >= WORTH_AN_ATTEMPT).then_some(share)
    }

    /// Whether a call may go to this host for the first time, whatever the budget of repeats is: it does not fail again and
    /// again, or did so some time ago.
    pub(crate) fn is_available(&self, host: Host, now: Duration) -> bool {
        !self.health(host).is_open() || self.health(host).may_respond(now)
    }

    /// Notes what an attempt showed of a host.
    pub(crate) fn note(&mut self, host: Host, status: HostStatus, now: Duration) {
        if status == HostStatus::Unknown {
            return;
        }
        let (has_failed, is_slow_to_connect) = (status.has_failed(), status == HostStatus::NotConnected);
        let health = self.health_mut(host);
        *health = if has_failed { health.after_failure(now, is_slow_to_connect) } else { Health::Works };
        if let Health::Fails { other_responded, .. } = self.health_mut(host.other()) {
            *other_responded = !has_failed;
        }
    }

    const fn health(&self, host: Host) -> Health {
        match host {
            Host::Main => self.main,
            Host::Backup => self.backup,
        }
    }

    const fn health_mut(&mut self, host: Host) -> &mut Health {
        match host {
            Host::Main => &mut self.main,
            Host::Backup => &mut self.backup,
        }
    }
}

/// The `Retry-After` times that one call must obey, as times of the timer. That of a host that failed applies to this host
/// only, because a gateway that is down says nothing about the other one. That of any other response comes from the platform,
/// and applies to both hosts.
#[derive(Debug, Default)]
pub(crate) struct RetryAfterPerHost {
    main: Duration,
    backup: Duration,
}

impl RetryAfterPerHost {
    /// The class of an attempt at a host that failed, as it is for the next one, which goes to the other host.
    pub(crate) fn pass_on(&mut self, host: Host, class: RetryClass, now: Duration) -> RetryClass {
        let (own, others) = match host {
            Host::Main => (&mut self.main, self.backup),
            Host::Backup => (&mut self.backup, self.main),
        };
        let others = Some(others.saturating_sub(now)).filter(|wait| !wait.is_zero());
        match class {
            RetryClass::Unknown { retry_after } => {
                *own = retry_after.map_or(*own, |wait| now.saturating_add(wait));
                RetryClass::Unknown { retry_after: others }
            }
            // A host asks only a call that has arrived there, and only one that may arrive again goes on.
            RetryClass::NotSent if others.is_some() => RetryClass::Unknown { retry_after: others },
            class => class,
        }
    }

    /// Whether a host asked to be left alone at this time.
    pub(crate) fn must_wait(&self, host: Host, at: Duration) -> bool {
        at < match host {
            Host::Main => self.main,
            Host::Backup => self.backup,
        }
    }
}

fn is_slow_connection(error: &Error) -> bool {
    let ErrorKind::Network(NetworkError { sent: Sent::No, source }) = error.kind() else { return false };
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&**source);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_not_of_host(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Network(error) if NotOfHost::has_caused(error))
}

/// Whether the way to the platform is broken, and not the call.
fn is_host_failure(error: &Error) -> bool {
    error.is_from_intermediary() || is_network_or_gateway_failure(error)
}

fn is_network_or_gateway_failure(error: &Error) -> bool {
    const GATEWAY: [StatusCode; 3] =
        [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
    match error.kind() {
        ErrorKind::Network(_) => true,
        ErrorKind::Api(_) => error.status().is_some_and(|status| GATEWAY.contains(&status)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::HostStatus::{Failed, NotConnected, Responded};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_main_host_is_used_while_it_works() {
        let mut hosts = Hosts::default();
        assert_eq!(hosts.choose(SECOND, None, true), Host::Main);
        hosts.note(Host::Main, Failed, SECOND);
        assert_eq!(hosts.choose(SECOND, Some(Host::Main), true), Host::Backup);
        assert_eq!(hosts.choose(SECOND, Some(Host::Backup), true), Host::Main);
        assert_eq!(hosts.choose(SECOND, None, true), Host::Main);
    }

    #[test]
    fn not_every_failure_is_one_of_the_host() {
        let unreadable = std::io::Error::from(std::io::ErrorKind::NotFound);
        let lost: Error = NetworkError { sent: Sent::No, source: "refused".into() }.into();
        for (error, status) in [
            (crate::transport::out_of_time().into(), HostStatus::Unknown),
            (
                NetworkError { sent: Sent::Perhaps, source: NotOfHost::unreadable(&unreadable).into() }
                    .into(),
                HostStatus::Unknown,
            ),
            (crate::error::RequestError::WholeUrl.into(), HostStatus::Unknown),
            (lost, Failed),
            (crate::transport::timed_out(Sent::No).into(), NotConnected),
            (crate::transport::timed_out(Sent::Perhaps).into(), Failed),
            // A refusal proves that the host is there.
            (Error::new(ErrorKind::SignatureProbe), Responded),
        ] {
            assert_eq!(HostStatus::of(Some(&error)), status, "{error}");
        }
        assert_eq!(HostStatus::of(None), Responded);
        let mut hosts = Hosts::default();
        for _ in 0..10 {
            hosts.note(Host::Main, HostStatus::Unknown, SECOND);
        }
        assert_eq!(hosts.choose(SECOND, None, true), Host::Main);
    }

    #[test]
    fn a_host_that_fails_again_and_again_is_left_and_found_again() {
        let mut hosts = Hosts::default();
        for _ in 0..MAX_FAILURES {
            assert_eq!(hosts.choose(SECOND, None, true), Host::Main);
            hosts.note(Host::Main, Failed, SECOND);
        }
        assert_eq!(hosts.choose(SECOND, None, true), Host::Backup);
        assert!(hosts.main.is_open() && !hosts.backup.is_open());
        // One call probes the main host, and the others do not wait for it. No call does that must not be sent twice.
        let later = SECOND + OPEN_FOR;
        assert_eq!(hosts.choose(later, None, false), Host::Backup);
        assert_eq!(hosts.choose(later, None, true), Host::Main);
        assert_eq!(hosts.choose(later, None, true), Host::Backup);
        hosts.note(Host::Main, Failed, later);
        assert_eq!(hosts.choose(later + OPEN_FOR - SECOND, None, true), Host::Backup);
        let latest = later + OPEN_FOR;
        assert_eq!(hosts.choose(latest, None, true), Host::Main);
        hosts.note(Host::Main, Responded, latest);
        assert_eq!(hosts.choose(latest, None, true), Host::Main);
        assert_eq!(hosts.choose(latest, None, true), Host::Main);
    }

    #[test]
    fn a_call_that_must_not_try_goes_back_where_the_backup_fails_and_the_main_host_had_its_time() {
        let mut hosts = Hosts::default();
        for _ in 0..MAX_FAILURES {
            hosts.note(Host::Main, Failed, SECOND);
        }
        let later = SECOND + OPEN_FOR;
        assert_eq!(hosts.choose(later, None, false), Host::Backup);
        hosts.note(Host::Backup, Failed, later);
        assert_eq!(hosts.choose(later - SECOND, None, false), Host::Backup);
        assert_eq!(hosts.choose(later, None, false), Host::Main);
        // One of them: the others would end as it does.
        assert_eq!(hosts.choose(later, None, false), Host::Backup);
    }

    #[test]
    fn a_first_attempt_leaves_time_to_a_host_that_may_respond() {
        let [second, half_second] = [SECOND, SECOND / 2];
        let mut hosts = Hosts::default();
        for (left, share) in [
            (30 * second, Some(15 * second)),
            (10 * second, Some(5 * second)),
            (8 * second, Some(5 * second)),
            (7 * second, Some(5 * second)),
            (6 * second, Some(4 * second)),
            (5 * second, Some(3 * second)),
            (4 * second, Some(2 * second)),
            // Of a call with a limit of four seconds.
            (4 * second - half_second / 50, Some(2 * second - half_second / 100)),
            (4 * second - half_second, None),
            (second, None),
            (Duration::ZERO, None),
        ] {
            assert_eq!(hosts.first_share(Host::Main, left, second), share, "{left:?}");
        }
        // The main host is only probed, by a call that knows that the other one responds.
        for _ in 0..MAX_FAILURES {
            hosts.note(Host::Main, Failed, second);
        }
        for left in [30 * second, 6 * second, second] {
            assert_eq!(hosts.first_share(Host::Main, left, second), Some(left / 2));
            assert_eq!(hosts.first_share(Host::Backup, left, second), None, "only that one works");
        }
        assert_eq!(hosts.connect_share(Host::Main, 30 * second), Some(15 * second));
        assert_eq!(hosts.connect_share(Host::Backup, 30 * second), None);
        // Neither responded: a call with time for both tries both.
        hosts.note(Host::Backup, Failed, second);
        for (host, left) in [(Host::Main, 30 * second), (Host::Backup, 30 * second), (Host::Backup, second)] {
            assert_eq!(hosts.first_share(host, left, second), Some(left / 2));
            assert_eq!(hosts.connect_share(host, left), None, "connecting may be slow");
        }
        // The main host is back, and only that is known.
        hosts.note(Host::Main, Responded, second);
        assert_eq!(hosts.first_share(Host::Main, 30 * second, second), None);
    }

    #[test]
    fn where_neither_host_connects_in_time_one_call_in_a_while_waits_for_one_of_them() {
        let mut hosts = Hosts::default();
        for (main, backup, may_be_patient) in [
            (Responded, Responded, false),
            (NotConnected, Responded, false),
            // It refuses connections, so the network is not slow.
            (NotConnected, Failed, false),
            (NotConnected, NotConnected, true),
        ] {
            hosts.note(Host::Main, main, SECOND);
            hosts.note(Host::Backup, backup, SECOND);
            assert_eq!(hosts.take_patient_turn(SECOND), may_be_patient, "{main:?} {backup:?}");
        }
        assert!(!hosts.take_patient_turn(SECOND + RECENT / 2), "the others ask both");
        assert!(hosts.take_patient_turn(SECOND + RECENT));
        // It made a connection. Now new ones have all of the time at that host.
        hosts.note(Host::Main, Responded, 2 * SECOND);
        assert!(!hosts.take_patient_turn(60 * SECOND));
        assert_eq!(hosts.first_share(Host::Main, 4 * SECOND, 3 * SECOND), None);
    }

    #[test]
    fn a_call_with_one_attempt_begins_where_a_host_has_responded_since_the_other_failed() {
        let (mut hosts, little, enough) = (Hosts::default(), SECOND, 10 * SECOND);
        hosts.note(Host::Main, Failed, 5 * SECOND);
        // Nothing is known of the backup host.
        assert_eq!(hosts.choose_first(little, 5 * SECOND, true), Host::Main);
        hosts.note(Host::Backup, Responded, 5 * SECOND);
        for (left, may_probe, first) in [
            (enough, true, Host::Main),
            (little, true, Host::Backup),
            (enough, false, Host::Backup),
            (little, false, Host::Backup),
        ] {
            assert_eq!(hosts.choose_first(left, 6 * SECOND, may_probe), first, "{left:?} {may_probe}");
        }
        // The backup host failed too.
        hosts.note(Host::Backup, Failed, 7 * SECOND);
        assert_eq!(hosts.choose_first(little, 7 * SECOND, false), Host::Main);
        hosts.note(Host::Backup, Responded, 8 * SECOND);
        assert_eq!(hosts.choose_first(little, 8 * SECOND, false), Host::Backup);
        // After a while one of them probes the main host, and leaves some of its time to the other.
        let later = 5 * SECOND + OPEN_FOR;
        let firsts = [false, true, true].map(|may_probe| hosts.choose_first(little, later, may_probe));
        assert_eq!(firsts, [Host::Backup, Host::Main, Host::Backup]);
        assert_eq!(hosts.first_share(Host::Main, little, later), Some(little / 2));
        hosts.note(Host::Main, Responded, later);
        assert_eq!(hosts.choose_first(little, later, false), Host::Main);
    }

    #[test]
    fn what_a_failed_host_asks_to_wait_is_held_against_no_other() {
        let open = |seconds: Option<u32>| RetryClass::Unknown {
            retry_after: seconds.map(|seconds| SECOND * seconds),
        };
        let mut asked = RetryAfterPerHost::default();
        let now = 100 * SECOND;
        assert_eq!(asked.pass_on(Host::Main, open(Some(20)), now), open(None));
        assert!(asked.must_wait(Host::Main, now + 19 * SECOND) && !asked.must_wait(Host::Backup, now));
        assert!(!asked.must_wait(Host::Main, now + 20 * SECOND));
        // The first host is not called again before its `Retry-After`, however the attempt at the other one ends.
        for class in [open(None), open(Some(60)), RetryClass::NotSent] {
            assert_eq!(asked.pass_on(Host::Backup, class, now + 5 * SECOND), open(Some(15)));
        }
        assert_eq!(asked.pass_on(Host::Main, RetryClass::NotSent, now + 65 * SECOND), RetryClass::NotSent);
        assert_eq!(asked.pass_on(Host::Main, RetryClass::Settled, now), RetryClass::Settled);
        let endless = RetryClass::Unknown { retry_after: Some(Duration::MAX) };
        assert_eq!(asked.pass_on(Host::Main, endless, now + 65 * SECOND), open(None));
    }

    /// While the main host works, nothing tells whether the backup host does.
    #[test]
    fn an_old_failure_of_the_backup_host_says_nothing() {
        let mut hosts = Hosts::default();
        for _ in 0..MAX_FAILURES {
            hosts.note(Host::Backup, Failed, SECOND);
        }
        let share = |hosts: &Hosts, now| hosts.first_share(Host::Main, 30 * SECOND, now);
        for (now, may_respond) in
            [(2 * SECOND, false), (SECOND + RECENT - SECOND / 100, false), (SECOND + RECENT, true)]
        {
            assert_eq!(hosts.is_available(Host::Backup, now), may_respond, "{now:?}");
            assert_eq!(share(&hosts, now).is_some(), may_respond, "{now:?}");
        }
    }

    #[test]
    fn with_both_circuits_open_each_call_begins_where_nobody_was_for_longer() {
        let mut hosts = Hosts::default();
        for (at, host) in [(1, Host::Backup), (2, Host::Main)] {
            for _ in 0..MAX_FAILURES {
                hosts.note(host, Failed, at * SECOND);
            }
        }
        for at in 3..9 {
            let host = if at % 2 == 1 { Host::Backup } else { Host::Main };
            assert_eq!(hosts.choose(at * SECOND, None, at % 3 == 0), host, "{at}");
            hosts.note(host, Failed, at * SECOND);
        }
    }

    #[test]
    fn with_both_circuits_open_a_call_is_tried_all_the_same() {
        let mut hosts = Hosts::default();
        for host in [Host::Main, Host::Backup] {
            for _ in 0..MAX_FAILURES {
                hosts.note(host, Failed, SECOND);
            }
        }
        assert_eq!(hosts.choose(SECOND, None, true), Host::Main);
        for may_probe in [false, true] {
            assert_eq!(hosts.choose(SECOND, Some(Host::Main), may_probe), Host::Backup);
            assert_eq!(hosts.choose(SECOND, Some(Host::Backup), may_probe), Host::Main);
        }
    }
}
