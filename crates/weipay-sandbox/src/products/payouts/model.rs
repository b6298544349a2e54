//! Random payouts against a reference model that is small enough to be believed, and balances with them.
//!
//! Two merchants with the same numbers send red packets, of one part or several, and pay wallets of the same
//! persons, who open the packets or do not. The model knows of each packet its state, of each payment its amount, and what was in
//! the operation accounts at every moment, which balances of now and of the end of a day must agree with. The
//! database is closed and opened in between.
//!
//! `WEIPAY_PAYOUT_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use crate::clock::{DAY, day, midnight};
use crate::products::testing::world::NOW;

pub(super) use crate::products::testing::random_steps::Refused;
const SHORT: Refused = "NOTENOUGH";
const OTHER: Refused = "FATAL_ERROR";

/// By caller, and by number.
pub(super) type Key = (usize, usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) person: usize,
    pub(super) fen: i64,
    /// With a scene, a red packet has other limits.
    pub(super) has_scene: bool,
    /// How many parts a red packet has (裂变红包); 1 when it has no parts.
    pub(super) parts: usize,
}

#[derive(Debug)]
pub(super) struct RedPacket {
    pub(super) asked: Asked,
    pub(super) sent: i64,
    pub(super) state: &'static str,
    /// Who has opened it, and fen of that.
    pub(super) opened: Vec<(usize, i64)>,
}

impl RedPacket {
    fn left(&self) -> i64 {
        self.asked.fen - self.opened.iter().map(|(_, fen)| fen).sum::<i64>()
    }
}

/// People who are sent something, and as many who open what others were sent.
pub(super) const PEOPLE: usize = 4;

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) packets: BTreeMap<Key, RedPacket>,
    /// What was asked, and when.
    pub(super) payments: BTreeMap<Key, (Asked, i64)>,
    pub(super) wallets: [i64; PEOPLE],
    /// What can be used and what is under way.
    pub(super) operation: [(i64, i64); 2],
    /// What was added to them, and when.
    history: [Vec<(i64, i64, i64)>; 2],
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            now: NOW,
            packets: BTreeMap::new(),
            payments: BTreeMap::new(),
            wallets: [0; PEOPLE],
            operation: [(0, 0); 2],
            history: Default::default(),
        }
    }

    fn change(&mut self, caller: usize, time: i64, available: i64, pending: i64) {
        self.operation[caller].0 += available;
        self.operation[caller].1 += pending;
        self.history[caller].push((time, available, pending));
    }

    pub(super) fn top_up(&mut self, caller: usize, fen: i64) {
        self.change(caller, self.now, fen, 0);
    }

    pub(super) fn send(&mut self, key: Key, asked: Asked) -> Result<(), Refused> {
        if let Some(known) = self.packets.get(&key) {
            return if known.asked == asked { Ok(()) } else { Err(OTHER) };
        }
        let is_group = asked.parts > 1;
        if is_group && !(3..=20).contains(&asked.parts) {
            return Err("PARAM_ERROR");
        }
        let parts = asked.parts as i64;
        let (least, most) = if asked.has_scene { (1, 49_900) } else { (100, 20_000) };
        let most = if is_group && !asked.has_scene { (most * parts).min(100_000) } else { most * parts };
        if !(least * parts..=most).contains(&asked.fen) {
            return Err("MONEY_LIMIT");
        }
        let today = day(self.now);
        let is_of_today = |((caller, _), packet): &(&Key, &RedPacket)| {
            *caller == key.0 && packet.asked.person == asked.person && day(packet.sent) == today
        };
        // What a group brings is not known, and does not count.
        let of_person = |asked: &Asked| if asked.parts > 1 { 0 } else { asked.fen };
        let of_today: Vec<i64> =
            self.packets.iter().filter(is_of_today).map(|(_, packet)| of_person(&packet.asked)).collect();
        if of_today.len() >= 10 {
            return Err("SENDNUM_LIMIT");
        }
        if of_today.iter().sum::<i64>() + of_person(&asked) > 100_000 {
            return Err("RCVDAMOUNT_LIMIT");
        }
        if self.operation[key.0].0 < asked.fen {
            return Err(SHORT);
        }
        self.change(key.0, self.now, -asked.fen, asked.fen);
        self.packets.insert(key, RedPacket { asked, sent: self.now, state: "SENT", opened: Vec::new() });
        Ok(())
    }

    /// Whether the person can open it.
    pub(super) fn is_open_to(&self, key: Key, person: usize) -> bool {
        self.packets.get(&key).is_some_and(|packet| {
            let has_time = packet.state == "SENT" && self.now < packet.sent + DAY;
            let is_its = packet.asked.person == person;
            let mut openers = packet.opened.iter().map(|(opener, _)| *opener);
            has_time
                && match packet.asked.parts {
                    1 => is_its,
                    _ if packet.opened.is_empty() => is_its,
                    _ => openers.all(|opener| opener != person),
                }
        })
    }

    /// The person has opened this much of it. How much a part of a group is, is chance.
    pub(super) fn open(&mut self, key: Key, person: usize, fen: i64) {
        let Some(packet) = self.packets.get_mut(&key) else { return };
        packet.opened.push((person, fen));
        let is_last = packet.opened.len() == packet.asked.parts;
        let left = packet.left();
        assert!(fen >= 1 && if is_last { left == 0 } else { left >= 1 }, "{packet:?}");
        if is_last {
            packet.state = "RECEIVED";
        }
        self.wallets[person] += fen;
        self.change(key.0, self.now, 0, -fen);
    }

    pub(super) fn pay(&mut self, key: Key, asked: Asked) -> Result<(), Refused> {
        if let Some((known, made)) = self.payments.get(&key) {
            return match *known == asked {
                _ if self.now - made > 3 * DAY => Err("SEND_FAILED"),
                true => Ok(()),
                false => Err(OTHER),
            };
        }
        if !(30..=2_000_000).contains(&asked.fen) {
            return Err("AMOUNT_LIMIT");
        }
        let of_person = self
            .payments
            .iter()
            .filter(|((caller, _), (known, _))| *caller == key.0 && known.person == asked.person);
        if of_person.clone().any(|(_, (_, made))| self.now - made < 15) {
            return Err("FREQ_LIMIT");
        }
        let of_today: Vec<i64> = of_person
            .filter(|(_, (_, made))| day(*made) == day(self.now))
            .map(|(_, (known, _))| known.fen)
            .collect();
        if of_today.len() >= 10 {
            return Err("SENDNUM_LIMIT");
        }
        if of_today.iter().sum::<i64>() + asked.fen > 2_000_000 {
            return Err("MONEY_LIMIT");
        }
        if self.operation[key.0].0 < asked.fen {
            return Err(SHORT);
        }
        self.change(key.0, self.now, -asked.fen, 0);
        self.wallets[asked.person] += asked.fen;
        self.payments.insert(key, (asked, self.now));
        Ok(())
    }

    pub(super) fn pass(&mut self, seconds: i64, is_late: bool) {
        self.now += seconds;
        if is_late {
            return;
        }
        let is_due = |packet: &RedPacket| packet.state == "SENT" && packet.sent + DAY <= self.now;
        let due = self.packets.iter().filter(|(_, packet)| is_due(packet));
        let mut due: Vec<(i64, Key)> = due.map(|(key, packet)| (packet.sent + DAY, *key)).collect();
        due.sort_unstable();
        for (at, key) in due {
            let Some(packet) = self.packets.get_mut(&key) else { continue };
            packet.state = "REFUND";
            let fen = packet.left();
            self.change(key.0, at, fen, -fen);
        }
    }

    /// What there was at the end of the day that was this number of days before today.
    pub(super) fn at_the_end(&self, caller: usize, days: i64) -> Result<(i64, i64), Refused> {
        let end = midnight(day(self.now) - days + 1);
        if !(1..=90).contains(&days) || self.now < end + 10 * 3_600 {
            return Err("INVALID_REQUEST");
        }
        let before = self.history[caller].iter().filter(|(time, ..)| *time < end);
        Ok(before.fold((0, 0), |has, (_, available, pending)| (has.0 + available, has.1 + pending)))
    }
}
