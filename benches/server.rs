//! A sandbox in another process, and what that process takes: time to start, CPU time, memory.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use weipay_sandbox::Sandbox;

/// With this word and a folder, this program is the sandbox.
pub(crate) const SERVE: &str = "serve";

/// The sandbox, until its input ends.
pub(crate) fn serve(folder: &str) {
    let sandbox = Sandbox::builder().data(folder).control("127.0.0.1:0").start().expect("a sandbox");
    println!("{}", sandbox.kit_file().display());
    std::io::stdout().flush().expect("an output");
    let _ended = std::io::stdin().read_to_end(&mut Vec::new());
}

/// The process. It ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    /// Its data folder.
    pub(crate) folder: PathBuf,
    /// The file of its kit.
    pub(crate) kit: String,
    /// How long it took until it accepted requests.
    pub(crate) start_time: Duration,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        command.arg(SERVE).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let start = Instant::now();
        let mut process = command.spawn().expect("a server");
        let mut kit = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut kit).expect("its kit");
        let start_time = start.elapsed();
        Self { process, folder: folder.to_owned(), kit: kit.trim_end().to_owned(), start_time }
    }

    /// CPU time that it has taken, in microseconds.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = self.read("stat");
        // Behind the name, which may hold spaces: utime and stime are the 12th and 13th, in hundredths of a second.
        let (_, numbers) = stat.rsplit_once(')').expect("a name");
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        let ticks = |place: usize| numbers[place].parse::<f64>().expect("ticks");
        (ticks(11) + ticks(12)) * 1e4
    }

    /// MiB of memory that it has from the system.
    pub(crate) fn memory(&self) -> f64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("KiB") / 1_024.0
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).expect("a process")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        self.process.wait().expect("the end of the server");
    }
}

/// CPU time of this process, in microseconds.
pub(crate) fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
