//! `weipay sandbox` as a program: its flags, its log, its data folder, and what it can do.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use weipay::blocking::Client;

use crate::serving::{Serving, WEIPAY, sandbox};

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Why a sandbox did not start. One that starts is ended.
fn refused_to_serve(data: &Path) -> String {
    let mut process = Command::new(WEIPAY)
        .args(["sandbox", "--quiet", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if !line.is_empty() {
        process.kill().ok();
    }
    let output = process.wait_with_output().unwrap();
    assert_eq!((line.as_str(), output.status.code()), ("", Some(1)), "{}", stderr(&output));
    stderr(&output)
}

fn client(serving: &Serving) -> Client {
    Client::from_kit(serving.kit_file()).unwrap()
}

fn headers_of(error: &weipay::Error, name: &str) -> Option<String> {
    Some(error.headers()?.get(name)?.to_str().unwrap().to_owned())
}

#[cfg(unix)]
mod folder {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn open_to_others(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut look = |path: &Path, wanted: u32| {
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            if mode != wanted {
                found.push(format!("{} has the mode {mode:o}", path.display()));
            }
        };
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            look(&folder, 0o700);
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { look(&path, 0o600) }
            }
        }
        found
    }

    /// Serves once and is killed, so that the log of the database stays. When this returns it is dead, and its lock free.
    fn serve(umask: &str, data: &Path) {
        let script = format!(
            ": > '{1}'; umask {umask}; {WEIPAY} sandbox --quiet --listen 127.0.0.1:0 --data '{}' > '{1}' & \
             while ! grep -q listening '{1}'; do sleep 0.02; done; kill -9 $!; wait $!; :",
            data.display(),
            data.with_extension("out").display()
        );
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    #[test]
    fn only_its_owner_can_enter_a_data_folder_whatever_the_umask() {
        for umask in ["000", "022", "077", "0277"] {
            let place = tempfile::tempdir().unwrap();
            let (made, served) = (place.path().join("deep/made"), place.path().join("served"));
            let script = format!("umask {umask}; exec {WEIPAY} sandbox init --data '{}'", made.display());
            assert!(Command::new("sh").args(["-c", &script]).output().unwrap().status.success(), "{umask}");
            serve(umask, &served);
            assert!(served.join("state.db-wal").exists() && served.join("state.db-shm").exists());
            for folder in [made, served] {
                assert_eq!(open_to_others(&folder), Vec::<String>::new(), "umask {umask}");
            }
        }
    }

    #[test]
    fn a_data_folder_that_others_could_enter_is_closed() {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
        serve("022", &data);
        for (name, mode) in [("", 0o777), ("keys", 0o755), ("kit.json", 0o644), ("state.db", 0o666)] {
            fs::set_permissions(data.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        serve("000", &data);
        assert_eq!(open_to_others(&data), Vec::<String>::new());
    }
}

/// Each either finds the lock taken or the kit there; what they leave is one kit.
#[test]
fn five_inits_at_once_leave_one_whole_kit_and_four_clear_messages() {
    let data = tempfile::tempdir().unwrap();
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let five: Vec<_> = (0..5).map(|_| scope.spawn(|| sandbox(data.path(), &["init"]))).collect();
        five.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let kit = data.path().join("kit.json").display().to_string();
    let said = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(outputs.iter().filter(|output| said(output) == format!("made {kit}\n")).count(), 1);
    for output in outputs.iter().filter(|output| !said(output).starts_with("made")) {
        let (done, told) = (said(output), stderr(output));
        let is_there = output.status.success() && done.contains("exists already") && done.contains(&kit);
        let in_use = output.status.code() == Some(1) && told.contains("another sandbox runs on");
        assert!(is_there || in_use, "{done}{told}");
    }
    Client::from_kit(&kit).unwrap();
    Serving::start(data.path());
}

#[test]
fn a_kit_is_not_touched_while_its_sandbox_runs() {
    let data = tempfile::tempdir().unwrap();
    let _serving = Serving::start(data.path());
    let output = sandbox(data.path(), &["init"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("another sandbox runs on"), "{}", stderr(&output));
}

/// The file with address and token stays behind, and another sandbox may have got the port.
#[test]
fn a_command_for_a_sandbox_that_has_ended_says_so_and_exits_with_2() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Serving::start(data.path()).kill();
    let says_so = || {
        for arguments in [&["log"] as &[&str], &["log", "--follow"], &["log", "1"], &["clock"]] {
            let output = sandbox(data.path(), arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
            assert!(stderr(&output).contains("no sandbox runs on"), "{}", stderr(&output));
        }
    };
    says_so();
    let _serving = Serving::start(other.path());
    let there = |folder: &Path| folder.join("control.json");
    let read = |folder: &Path| -> serde_json::Value {
        serde_json::from_slice(&fs::read(there(folder)).unwrap()).unwrap()
    };
    let mut ended = read(data.path());
    ended["url"] = read(other.path())["url"].clone();
    fs::write(there(data.path()), ended.to_string()).unwrap();
    says_so();
}

#[test]
fn a_broken_database_is_named_with_its_path() {
    let data = tempfile::tempdir().unwrap();
    sandbox(data.path(), &["init"]);
    let file = data.path().join("state.db");
    let other = tempfile::tempdir().unwrap();
    Serving::start(other.path()).kill();
    // A start and an end fold the log into the database.
    Serving::with(other.path(), &["--quiet"]).log();
    let mut broken = fs::read(other.path().join("state.db")).unwrap();
    broken[100..].fill(0xFF);
    for content in [b"a letter, not a database at all".repeat(200), broken] {
        fs::write(&file, content).unwrap();
        for left in ["state.db-wal", "state.db-shm"] {
            fs::remove_file(data.path().join(left)).ok();
        }
        let said = refused_to_serve(data.path());
        assert!(said.contains(&file.display().to_string()), "{said}");
    }
}

#[test]
fn a_private_key_of_another_kit_is_refused_at_the_start() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&data, &other] {
        sandbox(folder.path(), &["init"]);
    }
    let key = "keys/apiclient_key.pem";
    fs::copy(other.path().join(key), data.path().join(key)).unwrap();
    let init = sandbox(data.path(), &["init"]);
    assert_eq!(init.status.code(), Some(1));
    for said in [stderr(&init), refused_to_serve(data.path())] {
        assert!(said.contains(key) && said.contains("not the private key of"), "{said}");
        assert!(!said.contains("BEGIN"), "{said}");
    }
}

#[test]
fn each_request_is_a_line_without_what_belongs_to_a_person() {
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::with(data.path(), &[]);
    let (kit, client) = (serving.kit(), client(&serving));
    let (openid, appid) = (kit["openid"].as_str().unwrap(), kit["appid"].as_str().unwrap());
    client.chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    client
        .chain("v3/marketing/busifavor/users/{openid}/coupons")
        .path("openid", openid)
        .query("appid", appid)
        .query("creator_merchant", "1900000001")
        .get()
        .unwrap_err();
    client.chain("v3/merchant-risk-manage/violation-notifications").get().unwrap();
    let log = serving.log();
    let lines: Vec<&str> = log.lines().collect();
    let ends = [
        "GET /v3/merchant/fund/balance/BASIC 200",
        "GET /v3/marketing/busifavor/users/{openid}/coupons 403 NO_AUTH (creator_merchant, belong_merchant and \
         sender_merchant may name only the caller)",
        "GET /v3/merchant-risk-manage/violation-notifications 200 example",
    ];
    assert_eq!(lines.len(), 3, "{log}");
    for (line, end) in lines.iter().zip(ends) {
        assert!(line.ends_with(end), "{line}");
        let (time, _) = line.split_once(' ').unwrap();
        assert!(time.ends_with("+08:00") && time.contains('T'), "{line}");
    }
    assert!(!log.contains(openid) && !log.contains("1900000001"), "{log}");
}

#[test]
fn a_quiet_sandbox_says_nothing() {
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::with(data.path(), &["--quiet"]);
    client(&serving).chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    assert_eq!(serving.log(), "");
}

#[test]
fn without_examples_an_operation_without_behaviour_is_not_implemented() {
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::with(data.path(), &["--quiet", "--no-examples"]);
    let client = client(&serving);
    client.chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    let order = "v3/med-ins/orders/mix-trade-no/202204022005169952975171534816";
    let error = client.chain(order).get().unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.code()), (501, Some("NOT_IMPLEMENTED")));
    assert!(headers_of(&error, "Weipay-Sandbox-Reason").unwrap().contains("--no-examples"));
}

#[test]
fn a_stopped_clock_takes_signatures_of_the_machines_time() {
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::with(data.path(), &["--quiet", "--clock", "2026-08-15T12:00:00+08:00"]);
    client(&serving).chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    let builder = weipay::ClientBuilder::from_kit(serving.kit_file()).unwrap();
    let at_a_third_time = builder.clock(|| 1_786_766_400 - 86_400).build_blocking().unwrap();
    let error = at_a_third_time.chain("v3/merchant/fund/balance/BASIC").get().unwrap_err();
    assert_eq!(error.code(), Some("SIGN_ERROR"));
    let reason = headers_of(&error, "Weipay-Sandbox-Reason").unwrap();
    assert!(reason.contains("the sandbox's clock shows 1786766400"), "{reason}");
}

#[test]
fn a_seed_makes_numbers_repeatable() {
    let nonce = || {
        let data = tempfile::tempdir().unwrap();
        let serving = Serving::with(data.path(), &["--quiet", "--seed", "7"]);
        let response = client(&serving).chain("v3/merchant/fund/balance/BASIC").get().unwrap();
        response.headers()["Wechatpay-Nonce"].to_str().unwrap().to_owned()
    };
    assert_eq!(nonce(), nonce());
}

#[test]
fn strict_and_loose_say_how_much_is_refused() {
    let refused = |option: &[&str], body: &Value| {
        let data = tempfile::tempdir().unwrap();
        let serving = Serving::with(data.path(), &[&["--quiet"], option].concat());
        let response = client(&serving).chain("v3/marketing/busifavor/callbacks").post(body);
        response.err().map(|error| error.code().unwrap_or_default().to_owned())
    };
    let unknown = json!({"notify_url": "https://example.com/notify", "colour": "red"});
    assert_eq!(refused(&[], &unknown).as_deref(), Some("PARAM_ERROR"));
    assert_eq!(refused(&["--loose"], &unknown), None);
}

#[test]
fn how_long_a_connection_may_be_idle_is_given_and_told() {
    for (option, told) in [(&[] as &[&str], "timeout=8"), (&["--idle-timeout", "1"], "timeout=1")] {
        let data = tempfile::tempdir().unwrap();
        let serving = Serving::with(data.path(), &[&["--quiet"], option].concat());
        let response = client(&serving).chain("v3/merchant/fund/balance/BASIC").get().unwrap();
        assert_eq!(response.headers()["Keep-Alive"], told);
    }
}

#[test]
fn coverage_tells_state_from_examples() {
    let output = Command::new(WEIPAY).args(["sandbox", "coverage"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for (begin, operation) in [
        ("state", "POST    v3/marketing/busifavor/coupons/disassociate "),
        ("state", "GET     v3/certificates "),
        ("state", "POST    v3/pay/transactions/jsapi "),
        ("state", "POST    v2/pay/pappayapply "),
        ("example", "POST    v3/edu-papay/transactions "),
        ("none", "GET     v2/papay/entrustweb "),
    ] {
        let line = text.lines().find(|line| line.contains(operation)).unwrap_or_default();
        assert!(line.starts_with(begin), "{operation}: {line}");
    }
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("operations with state: "), "{last}");
    let states = Command::new(WEIPAY).args(["sandbox", "coverage", "--only", "state"]).output().unwrap();
    let states = String::from_utf8(states.stdout).unwrap();
    assert!(states.lines().take_while(|line| !line.is_empty()).all(|line| line.starts_with("state")));
    let with = |words: &[&str]| {
        let output = Command::new(WEIPAY).args([&["sandbox", "coverage"], words].concat()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, found) = with(&["代金券", "发放"]);
    assert_eq!((code, found.lines().next().map(|line| line.starts_with("state"))), (Some(0), Some(true)));
    assert!(
        found.lines().take_while(|line| !line.is_empty()).all(|line| line.contains("发放代金券")),
        "{found}"
    );
    let last = found.lines().last().unwrap();
    assert!(last.starts_with("operations with state: 2; with an example that does nothing: 0;"), "{last}");
    assert_eq!(with(&["no-such-word"]).0, Some(1));
}

#[test]
fn the_log_of_a_running_sandbox_is_shown_in_lines_and_one_request_whole() {
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::with(data.path(), &["--quiet"]);
    let client = client(&serving);
    let openid = serving.kit()["openid"].as_str().unwrap().to_owned();
    client.chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    client.chain("v3/certificate").query("openid", &openid).get().unwrap_err();
    let said = |arguments: &[&str]| {
        let output = sandbox(data.path(), &[&["log"], arguments].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(!text.contains(&openid), "{text}");
        text
    };
    let lines = said(&[]);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.starts_with("#1 ") && lines.contains("/v3/merchant/fund/balance/BASIC 200"), "{lines}");
    let failed = said(&["--failed"]);
    assert!(failed.starts_with("#2 ") && failed.contains("similar paths: GET /v3/certificates"), "{failed}");
    assert!(failed.contains("  > authorization: WECHATPAY2-SHA256-RSA2048 mchid="), "{failed}");
    assert!(said(&["1"]).contains("  < 200 after "), "{}", said(&["1"]));
    assert!(stderr(&sandbox(data.path(), &["log", "7"])).contains("no request with this number"));

    let mut following = Command::new(WEIPAY)
        .args(["sandbox", "log", "--follow", "--data"])
        .arg(data.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("#1 "));
    assert!(lines.next().unwrap().unwrap().starts_with("#2 "));
    client.chain("v3/merchant/fund/balance/BASIC").get().unwrap();
    assert!(lines.next().unwrap().unwrap().starts_with("#3 "));
    // It ends with the sandbox.
    serving.kill();
    assert!(following.wait().unwrap().success());
    let none = sandbox(data.path(), &["log"]);
    assert!(!none.status.success() && stderr(&none).contains("weipay sandbox"), "{}", stderr(&none));
}

#[test]
fn an_option_that_would_have_no_effect_is_a_wrong_command_line() {
    for arguments in [
        &["sandbox", "pay", "order-1", "--page", "--coupon", "123"][..],
        &["trigger", "TRANSACTION.SUCCESS", "--receiver-ca", "/nonexistent"],
    ] {
        let output = Command::new(WEIPAY).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("--"), "{said}");
    }
}
