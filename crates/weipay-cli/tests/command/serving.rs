//! A `weipay sandbox` process for tests, killed when it is dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub const WEIPAY: &str = env!("CARGO_BIN_EXE_weipay");

pub struct Serving {
    process: Child,
    pub base_url: String,
    data: PathBuf,
}

impl Serving {
    pub fn start(data: &Path) -> Serving {
        let mut process = Command::new(WEIPAY)
            .args(["sandbox", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base_url = line.trim_end().strip_prefix("listening on ").expect("the line that scripts wait for");
        Serving { base_url: base_url.to_owned(), process, data: data.to_owned() }
    }

    pub fn kit_file(&self) -> PathBuf {
        self.data.join("kit.json")
    }

    pub fn kit(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.kit_file()).unwrap()).unwrap()
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
