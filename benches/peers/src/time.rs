//! CPU time, and the table of what was measured.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// The time of all threads of this process, in microseconds.
pub fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

pub fn unix_seconds() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// The cost of one call in each round, by name, in the order of the first round.
#[derive(Default)]
pub struct Table(Vec<(&'static str, Vec<f64>)>);

impl Table {
    pub fn measure(&mut self, name: &'static str, calls: u32, call: &mut dyn FnMut()) {
        // The first one opens a connection.
        call();
        let start = cpu();
        for _ in 0..calls {
            call();
        }
        let cost = (cpu() - start) / f64::from(calls);
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, costs)) => costs.push(cost),
            None => self.0.push((name, vec![cost])),
        }
    }

    fn costs(&self, name: &str) -> &[f64] {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, costs)| costs.as_slice()).unwrap()
    }

    pub fn median(&self, name: &str) -> f64 {
        median(self.costs(name).to_vec())
    }

    /// How much more one costs than another: the difference within each round, which other load changes least.
    pub fn over(&self, name: &str, floor: &str) -> f64 {
        median(self.costs(name).iter().zip(self.costs(floor)).map(|(cost, floor)| cost - floor).collect())
    }

    /// Each with its median and its spread.
    pub fn print(&self) {
        for (name, costs) in &self.0 {
            let (low, high) =
                (costs.iter().copied().fold(f64::MAX, f64::min), costs.iter().copied().fold(0.0, f64::max));
            println!("  {name:26} {:7.1}  ({low:.1} to {high:.1})", self.median(name));
        }
    }
}

fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}
