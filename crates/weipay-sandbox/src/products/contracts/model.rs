//! Random lives of contracts against a reference model that is small enough to be believed.
//!
//! The model knows of each contract whether it is signed, until when it can be, what was agreed on and what
//! was taken today; of each deduction its amount and state; and what people have in their wallets. It says of
//! every step whether it is done or why it is refused, by both versions of the API. Time passes, and the
//! database is closed and opened in between. After each step all money adds up to nothing, and contracts,
//! deductions, wallets and what the merchant got are what the model says.
//!
//! `WEIPAY_CONTRACT_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use crate::clock;

const MCHID: &str = "1900000109";
const PEOPLE: [&str; 2] = ["oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6p"];
/// 2026-08-15T12:00:00+08:00.
const NOW: i64 = 1_786_766_400;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// The only amount of contracts with a schedule.
const AGREED: i64 = 100;

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    NoContract,
    HasEnded,
    IsUsed,
    IsPaid,
    Forbidden,
    Limit,
}

impl Refused {
    fn code(self, is_v2: bool) -> &'static str {
        match (self, is_v2) {
            (Self::NoContract, false) => "NOT_FOUND",
            (Self::NoContract | Self::HasEnded, true) => "CONTRACT_NOT_EXIST",
            (Self::IsUsed, false) => "ALREADY_EXISTS",
            (Self::IsPaid, _) => "ORDERPAID",
            (Self::Limit, false) => "RULE_LIMIT",
            (Self::Limit, true) => "RULELIMIT",
            (Self::HasEnded, false) | (Self::IsUsed, true) | (Self::Forbidden, _) => "INVALID_REQUEST",
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Agreement {
    until: i64,
    /// The day and the state, of one with a schedule.
    schedule: Option<(i64, &'static str)>,
    /// Of the merchant, which has one contract of a plan.
    account: Option<u8>,
    signer: Option<usize>,
    signed: i64,
    has_ended: bool,
    is_wallet_only: bool,
    /// First day, last day, amount; whether it is used.
    notice: Option<(i64, i64, i64, bool)>,
    today: (i64, i64, i64),
}

#[derive(Debug, Clone)]
struct Taking {
    code: u8,
    fen: i64,
    is_v2: bool,
    state: &'static str,
    /// When the money is taken.
    due: i64,
    /// The day whose limits it counts for.
    day: i64,
    /// The day of the notice that it has used.
    notice: Option<i64>,
}

#[derive(Debug, Default)]
struct Model {
    now: i64,
    contracts: BTreeMap<u8, Agreement>,
    takings: BTreeMap<u8, Taking>,
    wallets: [i64; 2],
    are_frozen: [bool; 2],
    notified: Vec<String>,
}

impl Model {
    fn signed(&mut self, code: u8) -> Result<&mut Agreement, Refused> {
        let known = self.contracts.get_mut(&code).filter(|known| known.signer.is_some());
        let known = known.ok_or(Refused::NoContract)?;
        if known.has_ended { Err(Refused::HasEnded) } else { Ok(known) }
    }

    fn presign(&mut self, code: u8, has_schedule: bool, account: Option<u8>) -> Result<(), Refused> {
        if self.contracts.get(&code).is_some_and(|known| known.signer.is_some()) {
            return Err(Refused::IsUsed);
        }
        let schedule = has_schedule.then(|| (clock::day(self.now) + 2, "NO_SCHEDULED"));
        let until = self.now + 600;
        self.contracts.insert(code, Agreement { until, schedule, account, ..Agreement::default() });
        Ok(())
    }

    fn sign(&mut self, code: u8, person: usize) -> bool {
        let Some(known) = self.contracts.get(&code) else { return false };
        let has_schedule = known.schedule.is_some();
        let is_of_plan = |other: &&Agreement| {
            other.signer.is_some() && !other.has_ended && other.schedule.is_some() == has_schedule
        };
        let of_plan = || self.contracts.values().filter(is_of_plan);
        let is_account_taken =
            !has_schedule && known.account.is_some() && of_plan().any(|other| other.account == known.account);
        let own = || of_plan().filter(|other| other.signer == Some(person));
        let is_beside = match known.account {
            _ if has_schedule => own().count() < 10,
            Some(_) => own().all(|other| other.account.is_some()),
            None => own().count() == 0,
        };
        let is_open = known.signer.is_none() && self.now < known.until;
        if !is_open || is_account_taken || !is_beside || self.are_frozen[person] {
            return false;
        }
        let signed = self.now;
        let known = self.contracts.get_mut(&code).unwrap();
        (known.signer, known.signed) = (Some(person), signed);
        self.notified.push(format!("ENTRUST.SIGN {}", name(code)));
        true
    }

    fn end(&mut self, code: u8) -> Result<(), Refused> {
        self.signed(code)?.has_ended = true;
        self.notified.push(format!("ENTRUST.TERMINATE {}", name(code)));
        Ok(())
    }

    fn notice(&mut self, code: u8, days: i64, fen: i64) -> Result<(), Refused> {
        let (now, day) = (self.now, clock::day(self.now));
        let known = self.signed(code)?;
        let is_running = known.notice.is_some_and(|(_, last, _, is_used)| !is_used && day <= last);
        if !(7..22).contains(&(clock::second_of_day(now) / HOUR)) || is_running {
            return Err(Refused::Forbidden);
        }
        known.notice = Some((day + 2, day + 1 + days, fen, false));
        Ok(())
    }

    fn book(&mut self, code: u8, fen: i64) -> Result<(), Refused> {
        let (day, second) = (clock::day(self.now), clock::second_of_day(self.now));
        let schedule = self.signed(code)?.schedule.as_mut().ok_or(Refused::Forbidden)?;
        let is_time = day + 1 == schedule.0 && (8 * HOUR..19 * HOUR + 1_800).contains(&second);
        if schedule.1 != "NO_SCHEDULED" || fen != AGREED || !is_time {
            return Err(Refused::Forbidden);
        }
        schedule.1 = "SCHEDULED";
        Ok(())
    }

    fn deduct(&mut self, code: u8, number: u8, fen: i64, is_v2: bool) -> Result<(), Refused> {
        let (now, day) = (self.now, clock::day(self.now));
        let known = self.takings.get(&number).cloned();
        let is_paid = known.as_ref().is_some_and(|known| known.state == "SUCCESS");
        match self.signed(code) {
            Err(Refused::HasEnded) if is_paid => {}
            found => {
                found?;
            }
        }
        if let Some(known) = known {
            // Whichever version has made it.
            if is_paid {
                return Err(Refused::IsPaid);
            }
            if known.is_v2 != is_v2 {
                return Err(Refused::Forbidden);
            }
            if (known.code, known.fen) != (code, fen) || known.state == "ACCEPT" {
                return Err(Refused::Forbidden);
            }
        }
        let contract = self.contracts.get_mut(&code).unwrap();
        // A clock that went back starts no new day, and neither does what is refused.
        let today = if contract.today.0 < day { (day, 0, 0) } else { contract.today };
        if let Some((on, state)) = contract.schedule {
            if (on, state, fen) != (day, "SCHEDULED", AGREED) {
                return Err(Refused::Forbidden);
            }
        } else {
            if let Some((first, last, most, is_used)) = contract.notice {
                let is_time = (7..22).contains(&(clock::second_of_day(now) / HOUR));
                if is_used || !(first..=last).contains(&day) || !is_time || fen > most {
                    return Err(Refused::Forbidden);
                }
            }
            if fen > 50_000 || today.2 + fen > 250_000 || today.1 >= 5 {
                return Err(Refused::Limit);
            }
        }
        contract.today = (today.0, today.1 + 1, today.2 + fen);
        if let Some(notice) = &mut contract.notice {
            notice.3 = true;
        }
        let (day, notice) = (contract.today.0, contract.notice.map(|notice| notice.0));
        // Without a notice a contract that is older than half a day is deducted from a day later.
        let is_a_day_later =
            contract.schedule.is_none() && notice.is_none() && now >= contract.signed + 12 * HOUR;
        let due = now + if is_a_day_later { DAY } else { 2 };
        self.takings.insert(number, Taking { code, fen, is_v2, state: "ACCEPT", due, day, notice });
        Ok(())
    }

    fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if !is_late {
            self.tick();
        }
    }

    fn tick(&mut self) {
        let until = self.now;
        loop {
            let deductions = self.takings.iter().filter(|(_, taking)| taking.state == "ACCEPT");
            let deductions = deductions.map(|(number, taking)| (taking.due, 1, *number));
            let is_open = |known: &&Agreement| known.signer.is_some() && !known.has_ended;
            let end = |known: &Agreement| Some(clock::midnight(known.schedule?.0 + 1) + 8 * HOUR);
            let ends = self.contracts.iter().filter(|(_, known)| is_open(known));
            let ends = ends.filter_map(|(code, known)| Some((end(known)?, 0, *code)));
            let Some((_, what, number)) = deductions.chain(ends).min().filter(|next| next.0 <= until) else {
                break;
            };
            if what == 1 {
                self.take(number);
            } else {
                let _ = self.end(number);
                let known = self.contracts.get_mut(&number).unwrap();
                known.schedule = known.schedule.map(|(day, _)| (day, "EXPIRED"));
            }
        }
        self.now = until;
    }

    fn take(&mut self, number: u8) {
        let taking = self.takings.get_mut(&number).unwrap();
        let contract = self.contracts.get_mut(&taking.code).unwrap();
        let person = contract.signer.unwrap();
        let wallet = &mut self.wallets[person];
        let is_from_wallet = *wallet >= taking.fen;
        let has_no_money = contract.is_wallet_only && !is_from_wallet;
        let fails = contract.has_ended || self.are_frozen[person] || has_no_money;
        let event = match (taking.is_v2, fails) {
            (true, _) => "v2/transaction-success",
            (false, true) => "TRANSACTION.FAIL",
            (false, false) => "TRANSACTION.SUCCESS",
        };
        self.notified.push(format!("{event} {}", number_of(number)));
        if fails {
            taking.state = "PAY_FAIL";
            if contract.today.0 == taking.day {
                contract.today.1 -= 1;
                contract.today.2 -= taking.fen;
            }
            // What it has used is given back, and nothing that came since.
            if let Some(notice) = contract.notice.as_mut().filter(|notice| Some(notice.0) == taking.notice) {
                notice.3 = false;
            }
            return;
        }
        if is_from_wallet {
            *wallet -= taking.fen;
        }
        taking.state = "SUCCESS";
        if let Some(schedule) = &mut contract.schedule {
            schedule.1 = "PAID";
            let code = taking.code;
            let _ = self.end(code);
        }
    }
}

fn name(code: u8) -> String {
    format!("code{code}")
}

fn number_of(number: u8) -> String {
    format!("order-{number:02}")
}

fn plan(has_schedule: bool) -> i64 {
    if has_schedule { 2 } else { 1 }
}
