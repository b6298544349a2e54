//! Random transfers against a reference model that is small enough to be believed.
//!
//! Two merchants with the same numbers transfer to the same persons, for themselves, as partners and as platforms of one
//! sub-merchant: with a confirmation, with an authorization, together with one, and in batches. The model knows of each
//! transfer its amount and state, of each authorization whether it is in effect, of each batch how it ends, and what is
//! in every account. After each step the handlers must agree with it, and all accounts together have nothing. The clock
//! moves in both directions, and the database is closed and opened again in between.
//!
//! `WEIPAY_TRANSFER_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use super::MAX_AGE_SECONDS;
use crate::clock::DAY;
use crate::products::testing::world::NOW;

pub(super) use crate::products::testing::random_steps::Refused;
const INVALID: Refused = "INVALID_REQUEST";
const USED: Refused = "ALREADY_EXISTS";
const SHORT: Refused = "NOT_ENOUGH";

/// How long a person has to confirm.
const CONFIRMATION: i64 = DAY;
/// How long the platform takes for a step.
const STEP: i64 = 2;

/// By caller, and by number.
pub(super) type Key = (usize, usize);

/// How a transfer is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// With an authorization that is confirmed together with it.
    With(usize),
    /// By an authorization in effect.
    By(usize),
}

/// Who makes it, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Own,
    Partner,
    Platform,
}

/// The place of the sub-merchant among the accounts.
pub(super) const SUB: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) form: Form,
    pub(super) kind: Kind,
    pub(super) person: usize,
    pub(super) fen: i64,
}

/// The merchant that pays a batch.
pub(super) fn payer_of_batch(caller: usize, of_partner: bool) -> usize {
    if of_partner { SUB } else { caller }
}

/// The merchant that pays a transfer.
pub(super) fn payer(caller: usize, asked: Asked) -> usize {
    match asked.form {
        Form::Own => caller,
        Form::Partner | Form::Platform => SUB,
    }
}

#[derive(Debug)]
pub(super) struct Transfer {
    asked: Asked,
    person: usize,
    pub(super) made: i64,
    pub(super) state: &'static str,
    pub(super) reason: Option<&'static str>,
    /// When the state changes by itself, and into what.
    next: Option<(i64, &'static str, Option<&'static str>)>,
}

#[derive(Debug)]
pub(super) struct Authorization {
    person: usize,
    /// The person can confirm it before this.
    until: i64,
    pub(super) state: &'static str,
    pub(super) closed: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Batch {
    /// Whether a partner made it for the sub-merchant.
    pub(super) of_partner: bool,
    /// Of each detail the person, if the openid is valid, and the amount.
    pub(super) details: Vec<(Option<usize>, i64)>,
    pub(super) made: i64,
    pub(super) is_finished: bool,
}

/// Whether a detail succeeds.
pub(super) fn succeeds((person, fen): (Option<usize>, i64)) -> bool {
    person.is_some() && fen >= 10
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) transfers: BTreeMap<Key, Transfer>,
    pub(super) authorizations: BTreeMap<Key, Authorization>,
    pub(super) batches: BTreeMap<Key, Batch>,
    /// Of both merchants and their sub-merchant.
    pub(super) operation: [i64; 3],
    pub(super) wallets: [i64; 2],
    pub(super) notified: Vec<(String, String)>,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            now: NOW,
            transfers: BTreeMap::new(),
            authorizations: BTreeMap::new(),
            batches: BTreeMap::new(),
            operation: [0; 3],
            wallets: [0; 2],
            notified: Vec::new(),
        }
    }

    fn notify(&mut self, event: &str, key: Key, state: &str) {
        self.notified.push((format!("MCHTRANSFER.{event}"), format!("{} {} {state}", key.0, key.1)));
    }

    pub(super) fn create(&mut self, key: Key, asked: Asked) -> Result<&'static str, Refused> {
        // A transfer by an authorization names no person.
        let asked = match asked.kind {
            Kind::By(_) => Asked { person: 0, ..asked },
            Kind::Plain | Kind::With(_) => asked,
        };
        if let Some(known) = self.transfers.get(&key) {
            return match known.asked == asked {
                _ if self.now - known.made > MAX_AGE_SECONDS => Err(INVALID),
                true => Ok(known.state),
                false => Err(USED),
            };
        }
        if asked.fen < 10 {
            return Err(INVALID);
        }
        let known = |number: usize| self.authorizations.get(&(key.0, number));
        let (mut person, mut is_new) = (asked.person, None);
        match asked.kind {
            Kind::Plain => {}
            Kind::With(number) => match known(number) {
                Some(known) if known.person != person => return Err(USED),
                Some(known) if known.state == "CLOSED" => return Err(INVALID),
                Some(_) => {}
                None => is_new = Some(number),
            },
            Kind::By(number) => {
                let known = known(number).filter(|known| known.state == "TAKING_EFFECT");
                person = known.ok_or(INVALID)?.person;
            }
        }
        let payer = payer(key.0, asked);
        if asked.fen > self.operation[payer] {
            return Err(SHORT);
        }
        if let Some(number) = is_new {
            self.add_authorization((key.0, number), person);
        }
        self.operation[payer] -= asked.fen;
        let state = "WAIT_USER_CONFIRM";
        let next = Some((self.now + CONFIRMATION, "FAIL", Some("OVERDUE_CLOSE")));
        self.transfers.insert(key, Transfer { asked, person, made: self.now, state, reason: None, next });
        // A person who has authorized it is paid at once.
        if let Kind::By(_) = asked.kind {
            self.end(key, "SUCCESS", None);
            return Ok("SUCCESS");
        }
        Ok(state)
    }

    /// The first request under a number.
    pub(super) fn asked(&self, key: Key) -> Option<Asked> {
        self.transfers.get(&key).map(|known| known.asked)
    }

    pub(super) fn cancel(&mut self, key: Key) -> Result<&'static str, Refused> {
        let now = self.now;
        let known = self.transfers.get_mut(&key).ok_or(INVALID)?;
        match known.state {
            "WAIT_USER_CONFIRM" if now < known.made + CONFIRMATION => {
                known.state = "CANCELING";
                known.next = Some((now + STEP, "CANCELLED", Some("MCH_CANCEL")));
                Ok("CANCELING")
            }
            "CANCELING" | "CANCELLED" => Ok(known.state),
            _ => Err(INVALID),
        }
    }

    fn waiting(&mut self, key: Key) -> Option<&mut Transfer> {
        self.transfers.get_mut(&key).filter(|known| known.state == "WAIT_USER_CONFIRM")
    }

    /// Whether there was anything to confirm.
    pub(super) fn confirm(&mut self, key: Key, fails: bool) -> bool {
        let at = self.now + STEP;
        let now = self.now;
        let known = self.waiting(key).filter(|known| now < known.made + CONFIRMATION);
        let Some(known) = known else { return false };
        known.state = "TRANSFERING";
        known.next = Some(if fails { (at, "FAIL", Some("ACCOUNT_FROZEN")) } else { (at, "SUCCESS", None) });
        // An authorization waits until the money has arrived.
        if let Kind::With(number) = known.asked.kind
            && let Some(given) = self.authorizations.get_mut(&(key.0, number))
            && given.state == "WAIT_USER_CONFIRM"
            && now < given.until
        {
            given.until = given.until.max(at + 1);
        }
        true
    }

    /// Whether there was anything to refuse.
    pub(super) fn refuse(&mut self, key: Key) -> bool {
        if self.waiting(key).is_none() {
            return false;
        }
        self.end(key, "FAIL", Some("OVERDUE_CLOSE"));
        true
    }

    fn end(&mut self, key: Key, state: &'static str, reason: Option<&'static str>) {
        let Some(known) = self.transfers.get_mut(&key) else { return };
        (known.state, known.reason, known.next) = (state, reason, None);
        match state {
            "SUCCESS" => self.wallets[known.person] += known.asked.fen,
            _ => self.operation[payer(key.0, known.asked)] += known.asked.fen,
        }
        self.notify("BILL.FINISHED", key, state);
    }

    fn add_authorization(&mut self, key: Key, person: usize) {
        let (until, state) = (self.now + CONFIRMATION, "WAIT_USER_CONFIRM");
        self.authorizations.insert(key, Authorization { person, until, state, closed: None });
    }

    pub(super) fn ask(&mut self, key: Key, person: usize) -> Result<&'static str, Refused> {
        match self.authorizations.get(&key) {
            Some(known) if known.person != person => Err(USED),
            Some(known) => Ok(known.state),
            None => {
                let now = self.now;
                let is_open = |known: &Authorization| {
                    known.state == "TAKING_EFFECT" || known.state == "WAIT_USER_CONFIRM" && now < known.until
                };
                if self.of_person(key.0, person).any(is_open) {
                    return Err(INVALID);
                }
                self.add_authorization(key, person);
                Ok("WAIT_USER_CONFIRM")
            }
        }
    }

    /// Whether the person could confirm it.
    pub(super) fn give(&mut self, key: Key) -> bool {
        self.give_at(key, self.now)
    }

    /// What a merchant asked a person for.
    fn of_person(&self, caller: usize, person: usize) -> impl Iterator<Item = &Authorization> {
        let all = self.authorizations.iter().filter(move |((by, _), _)| *by == caller);
        all.map(|(_, known)| known).filter(move |known| known.person == person)
    }

    fn give_at(&mut self, key: Key, now: i64) -> bool {
        let Some(person) = self.authorizations.get(&key).map(|known| known.person) else { return false };
        if self.of_person(key.0, person).any(|known| known.state == "TAKING_EFFECT") {
            return false;
        }
        let known = self.authorizations.get_mut(&key);
        let known = known.filter(|known| known.state == "WAIT_USER_CONFIRM" && now < known.until);
        let Some(known) = known else { return false };
        known.state = "TAKING_EFFECT";
        self.notify("AUTHORIZATION.CONFIRMED", key, "TAKING_EFFECT");
        true
    }

    /// Whether it was in effect.
    pub(super) fn close(&mut self, key: Key, reason: &'static str) -> bool {
        let known = self.authorizations.get_mut(&key);
        let Some(known) = known.filter(|known| known.state == "TAKING_EFFECT") else { return false };
        (known.state, known.closed) = ("CLOSED", Some(reason));
        self.notify("AUTHORIZATION.CLOSED", key, "CLOSED");
        true
    }

    /// The merchant closes it.
    pub(super) fn end_authorization(&mut self, key: Key) -> Result<(), Refused> {
        match self.authorizations.get(&key).map(|known| known.state) {
            None => Err("NOT_FOUND"),
            Some("WAIT_USER_CONFIRM") => Err(INVALID),
            Some(_) => {
                self.close(key, "CLOSE_VIA_MCH_API");
                Ok(())
            }
        }
    }

    pub(super) fn batch(
        &mut self,
        key: Key,
        of_partner: bool,
        details: Vec<(Option<usize>, i64)>,
    ) -> Result<&'static str, Refused> {
        if let Some(known) = self.batches.get(&key) {
            let state = if known.is_finished { "FINISHED" } else { "ACCEPTED" };
            return match known.details == details && known.of_partner == of_partner {
                _ if self.now - known.made > MAX_AGE_SECONDS => Err(INVALID),
                true => Ok(state),
                false => Err("PARAM_ERROR"),
            };
        }
        let total: i64 = details.iter().map(|(_, fen)| fen).sum();
        let payer = payer_of_batch(key.0, of_partner);
        if total > self.operation[payer] {
            return Err(SHORT);
        }
        self.operation[payer] -= total;
        self.batches.insert(key, Batch { of_partner, details, made: self.now, is_finished: false });
        Ok("ACCEPTED")
    }

    pub(super) fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if is_late {
            return;
        }
        let now = self.now;
        let is_due = |transfer: &Transfer| transfer.next.is_some_and(|(at, ..)| at <= now);
        let due = self.transfers.iter().filter(|(_, transfer)| is_due(transfer));
        let due: Vec<_> = due.map(|(key, transfer)| (*key, transfer.next)).collect();
        for (key, next) in due {
            let Some((at, state, reason)) = next else { continue };
            if let ("SUCCESS", Some(Kind::With(number))) = (state, self.asked(key).map(|asked| asked.kind)) {
                self.give_at((key.0, number), at);
            }
            self.end(key, state, reason);
        }
        for known in self.authorizations.values_mut() {
            if known.state == "WAIT_USER_CONFIRM" && known.until <= now {
                (known.state, known.closed) = ("CLOSED", Some("USER_OVERDUE_UNCONFIRMED"));
            }
        }
        let is_due = |batch: &Batch| !batch.is_finished && batch.made + STEP <= now;
        let due: Vec<Key> =
            self.batches.iter().filter(|(_, batch)| is_due(batch)).map(|(key, _)| *key).collect();
        for key in due {
            let Some(batch) = self.batches.get_mut(&key) else { continue };
            batch.is_finished = true;
            for (person, fen) in &batch.details {
                match person.filter(|person| succeeds((Some(*person), *fen))) {
                    Some(person) => self.wallets[person] += fen,
                    None => self.operation[payer_of_batch(key.0, batch.of_partner)] += fen,
                }
            }
            // A partner gives no address.
            if !batch.of_partner {
                self.notify("BATCH.FINISHED", key, "FINISHED");
            }
        }
    }

    /// What of an account is neither the merchant's nor a person's yet.
    pub(super) fn under_way(&self, account: usize) -> i64 {
        let is_of_account = |by: usize, known: &Transfer| payer(by, known.asked) == account;
        let transfers = self
            .transfers
            .iter()
            .filter(|((by, _), known)| is_of_account(*by, known) && known.next.is_some());
        let is_of_account =
            |by: usize, batch: &Batch| payer_of_batch(by, batch.of_partner) == account && !batch.is_finished;
        let batches = self.batches.iter().filter(|((by, _), batch)| is_of_account(*by, batch));
        let details = batches.flat_map(|(_, batch)| &batch.details);
        transfers.map(|(_, known)| known.asked.fen).sum::<i64>() + details.map(|(_, fen)| fen).sum::<i64>()
    }
}
