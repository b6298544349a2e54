//! A `weipay sandbox` process for tests, killed when it is dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub const WEIPAY: &str = env!("CARGO_BIN_EXE_weipay");

/// `weipay sandbox` with these arguments and a data folder.
pub fn sandbox(data: &Path, arguments: &[&str]) -> Output {
    Command::new(WEIPAY).arg("sandbox").args(arguments).arg("--data").arg(data).output().unwrap()
}

/// What it says when it succeeds.
#[track_caller]
pub fn said(data: &Path, arguments: &[&str]) -> String {
    let output = sandbox(data, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub struct Serving {
    process: Child,
    pub base_url: String,
    data: PathBuf,
}

impl Serving {
    pub fn start(data: &Path) -> Self {
        Self::with(data, &["--quiet"])
    }

    pub fn with(data: &Path, options: &[&str]) -> Self {
        let mut process = Command::new(WEIPAY)
            .args(["sandbox", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base_url = line.trim_end().strip_prefix("listening on ").expect("the line that scripts wait for");
        Self { base_url: base_url.to_owned(), process, data: data.to_owned() }
    }

    pub fn kit_file(&self) -> PathBuf {
        self.data.join("kit.json")
    }

    pub fn kit(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.kit_file()).unwrap()).unwrap()
    }

    /// What it said on standard error, when it is over.
    pub fn log(mut self) -> String {
        let mut errors = self.process.stderr.take().unwrap();
        self.stop();
        let mut log = String::new();
        errors.read_to_string(&mut log).unwrap();
        log
    }

    /// Ctrl-C, as far as a test can press it.
    fn stop(&mut self) {
        let id = self.process.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        self.process.wait().unwrap();
    }

    /// `kill -9`: the process gets no chance to do anything.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end();
    }
}
