//! Random payouts against a reference model that is small enough to be believed, and balances with them.
//!
//! Two merchants with the same numbers send red packets and pay wallets of the same persons, who open the
//! packets or do not. The model knows of each packet its state, of each payment its amount, and what was in
//! the operation accounts at every moment, which balances of now and of the end of a day must agree with. The
//! database is closed and opened in between.
//!
//! `WEIPAY_PAYOUT_STEPS` has the number of steps; the default is quick.

mod run;
mod step;

use std::collections::BTreeMap;

use crate::clock::{DAY, day, midnight};
use crate::products::world::NOW;

/// A code with which a request is refused.
pub(super) type Refused = &'static str;
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
}

#[derive(Debug)]
pub(super) struct RedPacket {
    pub(super) asked: Asked,
    pub(super) sent: i64,
    pub(super) state: &'static str,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) packets: BTreeMap<Key, RedPacket>,
    /// What was asked, and when.
    pub(super) payments: BTreeMap<Key, (Asked, i64)>,
    pub(super) wallets: [i64; 2],
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
            wallets: [0; 2],
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
        let limits = if asked.has_scene { 1..=49_900 } else { 100..=20_000 };
        if !limits.contains(&asked.fen) {
            return Err("MONEY_LIMIT");
        }
        let today = day(self.now);
        let is_of_today = |((caller, _), packet): &(&Key, &RedPacket)| {
            *caller == key.0 && packet.asked.person == asked.person && day(packet.sent) == today
        };
        let of_today: Vec<i64> =
            self.packets.iter().filter(is_of_today).map(|(_, packet)| packet.asked.fen).collect();
        if of_today.len() >= 10 {
            return Err("SENDNUM_LIMIT");
        }
        if of_today.iter().sum::<i64>() + asked.fen > 100_000 {
            return Err("RCVDAMOUNT_LIMIT");
        }
        if self.operation[key.0].0 < asked.fen {
            return Err(SHORT);
        }
        self.change(key.0, self.now, -asked.fen, asked.fen);
        self.packets.insert(key, RedPacket { asked, sent: self.now, state: "SENT" });
        Ok(())
    }

    /// Whether the person could open it.
    pub(super) fn open(&mut self, key: Key) -> bool {
        let now = self.now;
        let packet = self.packets.get_mut(&key);
        let packet = packet.filter(|packet| packet.state == "SENT" && now < packet.sent + DAY);
        let Some(packet) = packet else { return false };
        packet.state = "RECEIVED";
        let Asked { person, fen, .. } = packet.asked;
        self.wallets[person] += fen;
        self.change(key.0, self.now, 0, -fen);
        true
    }

    pub(super) fn pay(&mut self, key: Key, asked: Asked) -> Result<(), Refused> {
        if let Some((known, _)) = self.payments.get(&key) {
            return if *known == asked { Ok(()) } else { Err(OTHER) };
        }
        if !(30..=2_000_000).contains(&asked.fen) {
            return Err("AMOUNT_LIMIT");
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
            let fen = packet.asked.fen;
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
