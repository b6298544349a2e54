//! Things that happen at the same time.

use std::sync::Barrier;
use std::thread;

/// How often each race is run.
pub(crate) const RACES: usize = 1_000;

/// Does all of these at once, and says of each whether it was done. The one with the number `late`, counted
/// round, comes to the start last, and is often the first to leave it.
pub(crate) fn at_once<const N: usize>(racers: [&(dyn Fn() -> bool + Sync); N], late: usize) -> [bool; N] {
    let start = Barrier::new(N);
    thread::scope(|scope| {
        let started = (1..=N).map(|place| {
            let (number, start) = ((late + place) % N, &start);
            let racer = racers[number];
            let run = move || {
                start.wait();
                racer()
            };
            (number, scope.spawn(run))
        });
        // All are on their way before the first is waited for.
        let started: Vec<_> = started.collect();
        let mut done = [false; N];
        for (number, running) in started {
            done[number] = running.join().unwrap();
        }
        done
    })
}

#[test]
fn each_says_whether_it_was_done() {
    for late in 0..4 {
        assert_eq!(at_once([&|| true, &|| false, &|| true], late), [true, false, true]);
    }
}
