//! `weipay sandbox run -- COMMAND`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use crate::serving::WEIPAY;

fn run(command: &[&str]) -> Output {
    Command::new(WEIPAY).args(["sandbox", "run", "--quiet", "--"]).args(command).output().unwrap()
}

#[test]
fn the_command_finds_the_sandbox_in_its_environment() {
    let output = run(&[WEIPAY, "call", "GET", "v3/merchant/fund/balance/BASIC"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("available_amount"), "{output:?}");
}

/// A client that trusts a key of the real platform beside the sandbox's would take both at their word.
#[test]
fn what_the_kit_does_not_set_is_not_in_its_environment() {
    let output = Command::new(WEIPAY)
        .args(["sandbox", "run", "--quiet", "--", WEIPAY, "call", "GET", "v3/merchant/fund/balance/BASIC"])
        .env("WEIPAY_PLATFORM_CERTIFICATES", "/nowhere/x.pem")
        .env("NO_PROXY", ".qq.com,*,example.com")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = Command::new(WEIPAY)
        .args(["sandbox", "run", "--quiet", "--", "sh", "-c", "echo $NO_PROXY"])
        .env("NO_PROXY", ".qq.com,*,example.com")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "example.com,localhost,127.0.0.1,::1\n");
}

#[test]
fn its_exit_code_is_passed_on() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)] {
        let output = run(&["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(code), "{script}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "the command says itself what failed");
    }
}

/// The process group is its own, so that no terminal can have sent the interrupt to the command as well.
#[cfg(unix)]
#[test]
fn each_signal_that_only_it_gets_is_passed_on_to_the_command() {
    use std::os::unix::process::CommandExt as _;

    let folder = tempfile::tempdir().unwrap();
    let end = folder.path().join("end");
    let script = "n=0; trap 'n=$((n+1)); echo term' TERM; trap 'echo int' INT; echo ready; \
                  while [ ! -e \"$0\" ]; do sleep 0.05; done; echo $n; exit 3";
    let mut running = Command::new(WEIPAY)
        .args(["sandbox", "run", "--quiet", "--", "sh", "-c", script])
        .arg(&end)
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    let id = running.id().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    assert_eq!(lines.next().unwrap(), "ready");
    signal("-INT");
    assert_eq!(lines.next().unwrap(), "int");
    for _ in 0..2 {
        signal("-TERM");
        assert_eq!(lines.next().unwrap(), "term");
    }
    std::fs::write(end, "").unwrap();
    assert_eq!(lines.next().unwrap(), "2");
    assert_eq!(running.wait().unwrap().code(), Some(3));
}

/// Its own process group, as above. Sends a signal until the command's output ends; gives its folder, what it said, and
/// how it ended.
#[cfg(unix)]
fn interrupted_until_it_ends(script: &str) -> (std::path::PathBuf, Vec<String>, Option<i32>) {
    use std::os::unix::process::CommandExt as _;

    let script = format!("dirname $WEIPAY_KIT; {script}");
    let mut running = Command::new(WEIPAY)
        .args(["sandbox", "run", "--quiet", "--", "sh", "-c", &script])
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map(Result::unwrap);
    let folder = lines.next().unwrap().into();
    assert_eq!(lines.next().unwrap(), "ready");
    let id = running.id().to_string();
    let mut said = Vec::new();
    loop {
        // It may have ended just now.
        let _ = Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status().unwrap();
        match lines.next() {
            Some(line) => said.push(line),
            None => break,
        }
    }
    (folder, said, running.wait().unwrap().code())
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_command_and_then_the_sandbox() {
    let (folder, said, code) = interrupted_until_it_ends("echo ready; exec sleep 600");
    assert_eq!((said, code), (vec![], Some(130)));
    assert!(!folder.exists(), "{folder:?}");
    let deaf = "trap 'echo int' INT; echo ready; while true; do sleep 0.05; done";
    let (folder, said, code) = interrupted_until_it_ends(deaf);
    assert!(said.iter().all(|line| line == "int") && !said.is_empty(), "{said:?}");
    assert_eq!(code, Some(137));
    assert!(!folder.exists(), "{folder:?}");
}

/// In a terminal, which sends Ctrl-C to the whole group: the command hears it once.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_in_a_terminal_is_the_commands_own_and_its_exit_code_counts() {
    use std::io::Write as _;

    let folder = tempfile::tempdir().unwrap();
    let (end, script) = (folder.path().join("end"), folder.path().join("command"));
    std::fs::write(
        &script,
        "n=0\ntrap 'n=$((n+1)); echo int' INT\necho ready\n\
         while [ ! -e \"$1\" ]; do sleep 0.05; done\necho \"heard $n\"\nexit 3\n",
    )
    .unwrap();
    let command =
        format!("stty -echo; exec {WEIPAY} sandbox run --quiet -- sh {} {}", script.display(), end.display());
    let terminal = Command::new("script")
        .args(["-q", "-e", "-c", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    // A program of util-linux, which is not everywhere.
    let Ok(mut terminal) = terminal else { return };
    let mut keyboard = terminal.stdin.take().unwrap();
    let screen = BufReader::new(terminal.stdout.take().unwrap());
    let mut lines = screen.lines().map(|line| line.unwrap().trim_end().to_owned());
    assert_eq!(lines.next().unwrap(), "ready");
    keyboard.write_all(b"\x03").unwrap();
    keyboard.flush().unwrap();
    let heard = lines.next().unwrap();
    assert!(heard.ends_with("int"), "{heard}");
    std::fs::write(end, "").unwrap();
    assert_eq!(lines.next().unwrap(), "heard 1");
    assert_eq!(terminal.wait().unwrap().code(), Some(3));
}

#[test]
fn its_sandbox_ends_with_it() {
    let output = run(&["sh", "-c", "echo $WEIPAY_BASE_URL; dirname $WEIPAY_KIT"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let [url, data] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert!(!std::path::Path::new(data).exists(), "{data}");
    assert!(std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).is_err());
}

#[test]
fn a_command_that_cannot_be_started_is_a_wrong_command_line() {
    let output = run(&["no-such-command-here"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no-such-command-here could not be started"), "{text}");
    let without = Command::new(WEIPAY).args(["sandbox", "run"]).output().unwrap();
    assert_eq!(without.status.code(), Some(2));
}

/// curl knows nothing of the sandbox: it goes to the official host, over TLS.
#[test]
fn a_client_with_fixed_hosts_comes_to_the_sandbox() {
    let script = "curl -sS -D - https://api.mch.weixin.qq.com/v3/certificates -A weipay-test || true; \
                  curl -sS https://example.com/ || true";
    let output = run(&["sh", "-c", script]);
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if errors.contains("not found") {
        return;
    }
    assert!(text.contains("401 Unauthorized") && text.contains("SIGN_ERROR"), "{text} {errors}");
    assert!(errors.contains("403"), "the proxy leads nowhere else: {errors}");
}
