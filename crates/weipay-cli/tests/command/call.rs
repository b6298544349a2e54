//! `weipay call`: what it prints and how it exits.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use weipay_sandbox::{PlatformKeys, Sandbox};

use crate::serving::WEIPAY;

fn weipay(arguments: &[&str], environment: &HashMap<&str, String>) -> Output {
    let mut command = Command::new(WEIPAY);
    for name in
        ["BASE_URL", "MCHID", "MERCHANT_SERIAL", "MERCHANT_KEY", "PUBLIC_KEY_ID", "PUBLIC_KEY", "API_V3_KEY"]
    {
        command.env_remove(format!("WEIPAY_{name}"));
    }
    command.args(arguments).envs(environment).output().unwrap()
}

fn exit(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The environment that says the same as a sandbox's kit.
fn environment(sandbox: &Sandbox) -> HashMap<&'static str, String> {
    let folder = sandbox.kit_file().parent().unwrap();
    let kit: Value = serde_json::from_slice(&std::fs::read(sandbox.kit_file()).unwrap()).unwrap();
    let text = |name: &str| kit[name].as_str().unwrap().to_owned();
    let file = |name: &str| folder.join(text(name)).to_str().unwrap().to_owned();
    HashMap::from([
        ("WEIPAY_BASE_URL", text("base_url")),
        ("WEIPAY_MCHID", text("mchid")),
        ("WEIPAY_MERCHANT_SERIAL", text("merchant_serial")),
        ("WEIPAY_MERCHANT_KEY", file("merchant_key")),
        ("WEIPAY_PUBLIC_KEY_ID", text("public_key_id")),
        ("WEIPAY_PUBLIC_KEY", std::fs::read_to_string(folder.join(text("public_key"))).unwrap()),
        ("WEIPAY_API_V3_KEY", text("api_v3_key")),
    ])
}

#[test]
fn what_is_accepted_and_not_decided_is_told() {
    let sandbox = Sandbox::start().unwrap();
    let kit = sandbox.kit_file().to_str().unwrap();
    let fault = "Weipay-Sandbox-Fault:202";
    let output = weipay(&["call", "GET", BALANCE, "--kit", kit, "--header", fault], &HashMap::new());
    assert!(stderr(&output).contains("202: accepted and not decided yet"), "{output:?}");
    let output = weipay(&["call", "GET", BALANCE, "--kit", kit, "--path", "zzz=1"], &HashMap::new());
    assert!(stderr(&output).contains("no placeholder {zzz}: remove --path zzz=..."), "{output:?}");
    assert_eq!(exit(&output), 2);
}

/// An operation that keeps state and needs nothing.
const BALANCE: &str = "v3/merchant/fund/balance/BASIC";
const CALLBACKS: &str = "v3/marketing/busifavor/callbacks";
/// An operation without state in the sandbox.
const VIOLATIONS: &str = "v3/merchant-risk-manage/violation-notifications";
const STOCK: [&str; 5] = ["call", "GET", "v3/marketing/busifavor/stocks/{stock_id}", "--path", "stock_id=1"];

#[test]
fn a_success_prints_the_response_and_exits_with_0() {
    let sandbox = Sandbox::start().unwrap();
    let kit = sandbox.kit_file().to_str().unwrap();
    let body = r#"{"notify_url":"https://example.com/notify"}"#;
    let by_kit = weipay(&["call", "post", VIOLATIONS, "--json", body, "--kit", kit], &HashMap::new());
    let by_environment = weipay(&["call", "GET", VIOLATIONS], &environment(&sandbox));
    for output in [by_kit, by_environment] {
        assert_eq!(exit(&output), 0, "{}", stderr(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(answer["notify_url"].is_string(), "{answer}");
        assert!(stderr(&output).starts_with("note: this is an example"), "{}", stderr(&output));
    }
}

#[test]
fn the_api_v3_key_alone_is_enough_to_verify_and_to_encrypt() {
    let sandbox = Sandbox::builder().platform_keys(PlatformKeys::Migration).start().unwrap();
    let mut keyless = environment(&sandbox);
    for name in ["WEIPAY_PUBLIC_KEY_ID", "WEIPAY_PUBLIC_KEY"] {
        keyless.remove(name);
    }
    let output = weipay(&["call", "GET", "v3/certificates"], &keyless);
    assert_eq!((exit(&output), stderr(&output).as_str()), (0, ""));
    let body = r#"{"echo_message":"hello","encrypted_echo_message":"张三"}"#;
    let output = weipay(&["call", "POST", "v3/security/echo", "--body", body, "--encrypt"], &keyless);
    assert_eq!(exit(&output), 0, "{}", stderr(&output));

    keyless.insert("WEIPAY_API_V3_KEY", "0123456789abcdef0123456789abcdef".to_owned());
    let output = weipay(&["call", "GET", VIOLATIONS], &keyless);
    assert!(exit(&output) != 0 && stderr(&output).contains("APIv3密钥"), "{}", stderr(&output));
    keyless.insert("WEIPAY_BASE_URL", "http://127.0.0.1:9".to_owned());
    let output = weipay(&["call", "GET", VIOLATIONS], &keyless);
    assert_eq!(exit(&output), 4, "{}", stderr(&output));
    keyless.remove("WEIPAY_API_V3_KEY");
    let output = weipay(&["call", "GET", VIOLATIONS], &keyless);
    assert!(stderr(&output).contains("WEIPAY_PLATFORM_CERTIFICATES"), "{}", stderr(&output));
}

#[test]
fn a_response_from_state_needs_no_note() {
    let sandbox = Sandbox::start().unwrap();
    let output = weipay(&["call", "GET", BALANCE], &environment(&sandbox));
    assert_eq!((exit(&output), stderr(&output).as_str()), (0, ""));
}

#[test]
fn why_the_sandbox_refused_is_told_where_the_message_says_little() {
    let sandbox = Sandbox::start().unwrap();
    let certificates = ["call", "GET", "v3/certificates", "--query", "algorithm_type=rsa"];
    let output = weipay(&certificates, &environment(&sandbox));
    assert_eq!(exit(&output), 1);
    assert!(
        stderr(&output).contains("\n  reason: algorithm_type must be SM2, RSA or ALL"),
        "{}",
        stderr(&output)
    );
    let mut foreign = environment(&sandbox);
    foreign.insert("WEIPAY_MERCHANT_SERIAL", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1".to_owned());
    let output = weipay(&["call", "GET", "v3/certificates"], &foreign);
    assert!(stderr(&output).contains("  reason: serial_no in the Authorization"), "{}", stderr(&output));
}

#[test]
fn an_error_response_exits_with_1_and_says_code_and_message() {
    let sandbox = Sandbox::start().unwrap();
    let output = weipay(&STOCK, &environment(&sandbox));
    assert_eq!(exit(&output), 1);
    assert!(output.stdout.is_empty());
    assert!(stderr(&output).contains("RESOURCE_NOT_EXISTS"), "{}", stderr(&output));
    assert!(stderr(&output).contains("Request-ID"), "{}", stderr(&output));
}

/// A platform that gives every request one response, without a signature, as a download has none.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            reader.into_inner().write_all(answer).unwrap();
        }
    });
    base_url
}

const DOWNLOAD: [&str; 5] = ["call", "GET", "v3/billdownload/file", "--query", "token=t"];

#[test]
fn what_was_downloaded_goes_out_byte_for_byte() {
    let sandbox = Sandbox::start().unwrap();
    let mut full = environment(&sandbox);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bill.gz");
    let bytes = b"\x1f\x8b\x08\0\xff\r\n{}";
    full.insert(
        "WEIPAY_BASE_URL",
        answering(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n\x1f\x8b\x08\0\xff\r\n{}",
        ),
    );
    for to_file in [&["--output", file.to_str().unwrap()][..], &[], &["--output", "-"]] {
        let output = weipay(&[&DOWNLOAD[..], to_file].concat(), &full);
        assert_eq!(exit(&output), 0, "{}", stderr(&output));
        let is_file = to_file.last().is_some_and(|given| *given != "-");
        assert_eq!(output.stdout, if is_file { &b""[..] } else { bytes });
        assert!(stderr(&output).contains("does not sign this response"), "{}", stderr(&output));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

#[test]
fn the_file_that_a_response_names_is_followed_and_checked() {
    let sandbox = Sandbox::start().unwrap();
    let kit = sandbox.kit_file().to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.csv");
    let operation = "v3/merchant/fund/withdraw/bill-type/NO_SUCC";
    let bill = ["call", "GET", operation, "--query", "bill_date=2026-08-14", "--kit", kit, "--follow"];
    let plain = weipay(&bill, &HashMap::new());
    assert_eq!(exit(&plain), 0, "{}", stderr(&plain));
    assert!(String::from_utf8(plain.stdout.clone()).unwrap().contains("时间,商户号,"));
    let to_file = [&bill[..], &["--query", "tar_type=GZIP", "--output", path.to_str().unwrap()]].concat();
    let compressed = weipay(&to_file, &HashMap::new());
    assert_eq!(exit(&compressed), 0, "{}", stderr(&compressed));
    assert_eq!(std::fs::read(&path).unwrap(), plain.stdout);
    // A response that names no file.
    let none = weipay(&["call", "GET", VIOLATIONS, "--kit", kit, "--follow"], &HashMap::new());
    assert_eq!((exit(&none), none.stdout.len()), (1, 0));
    assert!(
        stderr(&none).contains("download_url") && !stderr(&none).contains("nothing was sent"),
        "{none:?}"
    );
}

#[test]
fn a_response_that_is_a_file_is_followed_as_that_and_an_error_is_none() {
    let sandbox = Sandbox::start().unwrap();
    let kit = sandbox.kit_file().to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bill.csv");
    let to_file = ["--kit", kit, "--follow", "--output", path.to_str().unwrap()];
    let bill = ["call", "POST", "v2/pay/downloadbill", "--json", r#"{"appid":"wx1","bill_date":"20200101"}"#];
    let refused = weipay(&[&bill[..], &to_file].concat(), &HashMap::new());
    assert_eq!((exit(&refused), path.exists()), (1, false), "{}", stderr(&refused));
    assert!(!stderr(&refused).contains("the call succeeded"), "{}", stderr(&refused));
    let mchid = format!("mchid={}", sandbox.kit().mchid);
    let statement =
        ["call", "GET", "v3/global/statements", "--query", "date=20260814", "--query", mchid.as_str()];
    let verified = weipay(&[&statement[..], &to_file].concat(), &HashMap::new());
    assert_eq!(exit(&verified), 0, "{}", stderr(&verified));
    let plain = weipay(&[&statement[..], &["--kit", kit]].concat(), &HashMap::new());
    for said in [&verified, &plain] {
        assert!(stderr(said).contains("this is an example"), "{}", stderr(said));
    }
    assert_eq!(std::fs::read(&path).unwrap(), plain.stdout);
}

#[test]
fn a_file_appears_only_with_a_whole_response() {
    let sandbox = Sandbox::start().unwrap();
    let mut full = environment(&sandbox);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bill");
    let call = [&DOWNLOAD[..], &["--output", file.to_str().unwrap()]].concat();
    let (refused, cut) = (
        &b"HTTP/1.1 404 X\r\nContent-Length: 27\r\nConnection: close\r\n\r\n{\"code\":\"ORDER_NOT_EXIST\"}\n"
            [..],
        &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf"[..],
    );
    for (answer, code) in [(refused, 1), (cut, 4)] {
        full.insert("WEIPAY_BASE_URL", answering(answer));
        assert_eq!(exit(&weipay(&call, &full)), code);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        std::fs::write(&file, "before").unwrap();
        assert_eq!(exit(&weipay(&call, &full)), code);
        assert_eq!(std::fs::read(&file).unwrap(), b"before");
        std::fs::remove_file(&file).unwrap();
    }
    // What stands in the way is told before anything is sent: here nobody listens.
    full.insert("WEIPAY_BASE_URL", "http://127.0.0.1:9".to_owned());
    let missing = folder.path().join("missing/bill");
    for path in [folder.path(), &missing] {
        let output = weipay(&[&DOWNLOAD[..], &["--output", path.to_str().unwrap()]].concat(), &full);
        assert_eq!(exit(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("nothing was sent"), "{}", stderr(&output));
    }
}

#[cfg(target_os = "linux")]
/// `--output /dev/stdout` with `>> FILE`: the file is the shell's, and keeps what is in it.
#[cfg(target_os = "linux")]
#[test]
fn what_standard_output_leads_to_is_not_replaced() {
    let sandbox = Sandbox::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (index, output) in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().enumerate() {
        let log = folder.path().join(index.to_string());
        std::fs::write(&log, "before\n").unwrap();
        let status = Command::new(WEIPAY)
            .args(["call", "GET", BALANCE, "--output", output, "--kit"])
            .arg(sandbox.kit_file())
            .stdout(std::fs::OpenOptions::new().append(true).open(&log).unwrap())
            .status()
            .unwrap();
        let written = std::fs::read_to_string(&log).unwrap();
        assert!(status.success() && written.starts_with("before\n{"), "{output}: {written}");
    }
}

#[test]
fn a_response_that_cannot_be_written_is_not_taken_for_a_call_that_failed() {
    let sandbox = Sandbox::start().unwrap();
    let call = ["call", "GET", VIOLATIONS];
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(WEIPAY);
    command.args(call).args(["--kit", sandbox.kit_file().to_str().unwrap()]).stdout(full);
    let output = command.output().unwrap();
    assert_eq!(exit(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("the call succeeded"), "{}", stderr(&output));
}

#[test]
fn a_header_of_the_connection_exits_with_2() {
    let sandbox = Sandbox::start().unwrap();
    for header in ["Content-Length: 1", "host:a", "Transfer-Encoding: chunked"] {
        let output = weipay(&["call", "GET", CALLBACKS, "--header", header], &environment(&sandbox));
        assert_eq!(exit(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("do not set it"), "{}", stderr(&output));
    }
}

#[test]
fn what_may_have_taken_effect_is_said() {
    let sandbox = Sandbox::start().unwrap();
    let mut full = environment(&sandbox);
    let may_have = "the call may have taken effect";
    let refused = weipay(&["call", "POST", CALLBACKS, "--json", "{}"], &full);
    assert!(exit(&refused) == 1 && !stderr(&refused).contains(may_have), "{}", stderr(&refused));
    for (answer, code) in [
        (&b"HTTP/1.1 403 X\r\nContent-Length: 6\r\n\r\n<html>"[..], 1),
        (b"", 4),
        (b"HTTP/1.1 200 OK\r\n\r\n", 3),
    ] {
        full.insert("WEIPAY_BASE_URL", answering(answer));
        let output = weipay(&["call", "POST", CALLBACKS], &full);
        assert!(exit(&output) == code && stderr(&output).contains(may_have), "{}", stderr(&output));
        let output = weipay(&["call", "GET", CALLBACKS], &full);
        assert!(exit(&output) == code && !stderr(&output).contains(may_have), "{}", stderr(&output));
    }
}

#[test]
fn an_error_response_of_a_proxy_is_shown() {
    let sandbox = Sandbox::start().unwrap();
    let mut full = environment(&sandbox);
    full.insert("WEIPAY_BASE_URL", answering(b"HTTP/1.1 302 Found\r\nLocation: https://login.example/?t=secret\r\nContent-Length: 25\r\nConnection: close\r\n\r\n<html>\x1b[2J Please log in."));
    let output = weipay(&["call", "GET", CALLBACKS], &full);
    assert_eq!(exit(&output), 1);
    for shown in ["HTTP 302", "https://login.example/?…", "Please log in"] {
        assert!(stderr(&output).contains(shown), "{}", stderr(&output));
    }
    assert!(
        !stderr(&output).contains("secret") && !stderr(&output).contains('\u{1b}'),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_wrong_command_line_exits_with_2_and_sends_nothing() {
    let nowhere = HashMap::from([("WEIPAY_BASE_URL", "http://127.0.0.1:9".to_owned())]);
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    for (arguments, environment) in [
        (&["call"] as &[&str], &full),
        (&["call", "FETCH", CALLBACKS], &full),
        (&["call", "POST", CALLBACKS, "--json", "{broken"], &full),
        (&["call", "GET", CALLBACKS, "--query", "novalue"], &full),
        (&["call", "GET", CALLBACKS, "--header", "novalue"], &full),
        (&["call", "GET", "v3/stocks/{stock_id}"], &full),
        (&["call", "GET", CALLBACKS, "--unknown"], &full),
        (&["call", "GET", CALLBACKS, "--kit", "no/such/kit.json"], &full),
        (&["call", "GET", CALLBACKS], &nowhere),
        (&["dance"], &full),
    ] {
        let output = weipay(arguments, environment);
        assert_eq!(exit(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
}

#[test]
fn a_wrong_command_line_is_told_in_its_own_words() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    for (path, said) in [
        ("v3/stocks/{stock_id}", "--path stock_id=VALUE"),
        ("https://api.mch.weixin.qq.com/v3/certificates", "without the host: v3/certificates "),
        ("pay/unifiedorder", "APIv2"),
    ] {
        let output = weipay(&["call", "POST", path], &full);
        assert_eq!(exit(&output), 2, "{path}");
        assert!(stderr(&output).contains(said), "{path}: {}", stderr(&output));
    }
    let help = weipay(&["call", "--help"], &full);
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(full.keys().all(|name| help.contains(name)) && help.contains("Exit codes:"), "{help}");
}

#[test]
fn the_detail_of_an_error_response_is_told() {
    let sandbox = Sandbox::start().unwrap();
    let output = weipay(&["call", "POST", CALLBACKS, "--json", "{}"], &environment(&sandbox));
    assert_eq!(exit(&output), 1);
    assert!(stderr(&output).contains("/body/notify_url"), "{}", stderr(&output));
    assert!(stderr(&output).contains("\n  {\"location\":\"body\""), "{}", stderr(&output));
}

#[test]
fn a_sensitive_field_does_not_leave_in_plain_text() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    let body = r#"{"appid":"wx8888888888888888","type":"PERSONAL_OPENID","account":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","name":"张三","relation_type":"USER"}"#;
    let call = ["call", "POST", "v3/profitsharing/receivers/add", "--json", body];
    let plain = weipay(&call, &full);
    assert_eq!(exit(&plain), 2);
    assert!(stderr(&plain).contains("/body/name") && !stderr(&plain).contains("张三"), "{}", stderr(&plain));
    let encrypted = weipay(&[&call[..], &["--encrypt"]].concat(), &full);
    assert_eq!(exit(&encrypted), 0, "{}", stderr(&encrypted));
    let named = weipay(&[&call[..], &["--encrypt", "--header", "wechatpay-serial:X"]].concat(), &full);
    assert_eq!(exit(&named), 2, "the key of another serial is not at hand");
}

/// The platform's own test of encryption (商户签名验签／加解密测试) sends back what it opened, encrypted for the merchant.
#[test]
fn a_sensitive_field_of_a_response_is_decrypted_on_request() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    let body = r#"{"echo_message":"hello","encrypted_echo_message":"张三"}"#;
    let call = ["call", "POST", "v3/security/echo", "--body", body, "--encrypt"];
    let as_it_came = weipay(&call, &full);
    assert!(exit(&as_it_came) == 0 && !String::from_utf8_lossy(&as_it_came.stdout).contains("张三"));
    let decrypted = weipay(&[&call[..], &["--decrypt"]].concat(), &full);
    assert_eq!((exit(&decrypted), stderr(&decrypted).as_str()), (0, ""));
    let json: Value = serde_json::from_slice(&decrypted.stdout).unwrap();
    assert_eq!((&json["echo_message"], &json["encrypted_echo_message"]), (&"hello".into(), &"张三".into()));
}

/// The line as a person copies it from a page, run by a shell in which the sandbox's credentials are set.
#[cfg(unix)]
#[test]
fn a_command_that_is_pasted_from_a_page_creates_a_stock() {
    let sandbox = Sandbox::start().unwrap();
    let page = weipay(&["api", "show", "POST", "v3/marketing/busifavor/stocks"], &HashMap::new());
    let page = String::from_utf8(page.stdout).unwrap();
    let line = page.lines().find(|line| line.starts_with("  weipay call ")).unwrap();
    let folder = Path::new(WEIPAY).parent().unwrap().display();
    let pasted = Command::new("sh")
        .args(["-c", &format!("PATH={folder}:$PATH\n{line}")])
        .envs(environment(&sandbox))
        .output()
        .unwrap();
    assert_eq!(exit(&pasted), 0, "{line}\n{}", stderr(&pasted));
    let answer: Value = serde_json::from_slice(&pasted.stdout).unwrap();
    assert!(answer["stock_id"].is_string(), "{answer}");
}

#[test]
fn what_is_ciphertext_is_said_and_not_guessed() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    let receiver = |name: &str| {
        format!(
            r#"{{"appid":"wx8888888888888888","type":"PERSONAL_OPENID","account":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","name":{name},"relation_type":"USER"}}"#
        )
    };
    let call = |path: &str, name: &str, flags: &[&str]| {
        let body = receiver(name);
        weipay(&[&["call", "POST", path, "--json", &body][..], flags].concat(), &full)
    };
    let path = "v3/profitsharing/receivers/add";
    // 344 letters look like ciphertext and are plain text.
    let letters = format!("\"{}\"", "x".repeat(344));
    for (name, flags, said) in [
        (&*letters, &[][..], "--encrypt"),
        ("\"张三\"", &["--ciphertext"], "/body/name with --ciphertext"),
        ("7", &["--encrypt"], "must be a JSON string"),
        ("true", &["--encrypt"], "must be a JSON string"),
        ("7", &[], "must be a JSON string"),
        ("7", &["--ciphertext"], "must be a JSON string"),
        ("{\"a\":\"张三\"}", &["--encrypt"], "must be a JSON string"),
        ("\"张三\"", &["--encrypt", "--ciphertext"], "cannot be used with"),
    ] {
        let output = call(path, name, flags);
        assert_eq!(exit(&output), 2, "{name} {flags:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{name} {flags:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("张三"), "{}", stderr(&output));
    }
    let client = weipay::blocking::Client::from_kit(sandbox.kit_file()).unwrap();
    let ciphertext = format!("{:?}", client.encrypt_sensitive("张三").unwrap());
    let output = call(path, &ciphertext, &["--ciphertext"]);
    assert_eq!(exit(&output), 0, "{}", stderr(&output));
}

/// Readers do not agree on which of two equal names counts, and a platform may read a path in another way than it is written.
#[test]
fn a_sensitive_field_is_not_missed_where_it_is_written_in_an_unusual_way() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    let client = weipay::blocking::Client::from_kit(sandbox.kit_file()).unwrap();
    let twice = format!(r#"{{"name":"张三","name":"{}"}}"#, client.encrypt_sensitive("张三").unwrap());
    let add = "v3/profitsharing/receivers/add";
    let name = r#"{"name":"张三"}"#;
    for arguments in [
        &["POST", add, "--json", r#"{"name":"张三","name":null}"#] as &[&str],
        &["POST", add, "--json", r#"{"name":"张三","n\u0061me":""}"#, "--encrypt"],
        &["POST", add, "--json", &twice, "--ciphertext"],
        &["POST", "v3/profitsharing/receivers/%61dd", "--json", name],
        &["POST", "v3/profitsharing/receivers/{what}", "--path", "what=add", "--json", name],
        &["POST", "V3/ProfitSharing/receivers/add", "--json", name],
        &["PUT", add, "--json", name],
        &["GET", "v3/realname/verify?encrypted%5Fname=%E5%BC%A0%E4%B8%89"],
        &["GET", "v3/realname/verify?encrypted_name=%E5%BC%A0%E4%B8%89", "--ciphertext"],
    ] {
        let output = weipay(&[&["call"][..], arguments].concat(), &full);
        assert_eq!(exit(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("张三"), "{}", stderr(&output));
    }
}

#[test]
fn encrypt_is_never_ignored() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    for (arguments, said) in [
        (
            &["POST", "v3/profitsharing/receivers/ad", "--json", r#"{"name":"张三"}"#][..],
            "no POST v3/profitsharing",
        ),
        (&["POST", CALLBACKS, "--json", "{}"], "no field of POST"),
        (&["GET", "v3/realname/verify?encrypted_name=%E5%BC%A0"], "--query encrypted_name=VALUE"),
        (&["POST", "v3/profitsharing/receivers/add", "--json", "\"张三\""], "write it as an object"),
    ] {
        let output = weipay(&[&["call"][..], arguments, &["--encrypt"]].concat(), &full);
        assert_eq!(exit(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("张三"), "{}", stderr(&output));
    }
    let typed_behind = weipay(&["call", "GET", "v3/realname/verify?encrypted_name=%E5%BC%A0"], &full);
    assert_eq!(exit(&typed_behind), 2, "{}", stderr(&typed_behind));
}

#[test]
fn a_body_comes_from_a_file_too() {
    let sandbox = Sandbox::start().unwrap();
    let file = sandbox.kit_file().with_file_name("body.json");
    std::fs::write(&file, r#"{"notify_url":"https://example.com/notify"}"#).unwrap();
    let given = format!("@{}", file.display());
    let output = weipay(&["call", "POST", CALLBACKS, "--json", &given], &environment(&sandbox));
    assert_eq!(exit(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_response_that_does_not_verify_exits_with_3_and_prints_nothing() {
    let (sandbox, other) = (Sandbox::start().unwrap(), Sandbox::start().unwrap());
    let mut mixed = environment(&sandbox);
    mixed.insert("WEIPAY_PUBLIC_KEY", environment(&other)["WEIPAY_PUBLIC_KEY"].clone());
    let output = weipay(&["call", "GET", VIOLATIONS], &mixed);
    assert_eq!(exit(&output), 3, "{}", stderr(&output));
    assert!(output.stdout.is_empty(), "an unverified response was printed");
}

#[test]
fn a_network_that_fails_exits_with_4() {
    let sandbox = Sandbox::start().unwrap();
    let mut gone = environment(&sandbox);
    gone.insert("WEIPAY_BASE_URL", "http://127.0.0.1:9".to_owned());
    let output = weipay(&["call", "GET", CALLBACKS], &gone);
    assert_eq!(exit(&output), 4, "{}", stderr(&output));
    assert!(stderr(&output).contains("refused"), "the cause is told: {}", stderr(&output));
}

#[test]
fn a_key_of_the_wrong_kind_is_named() {
    let sandbox = Sandbox::start().unwrap();
    let mut swapped = environment(&sandbox);
    swapped.insert("WEIPAY_MERCHANT_KEY", swapped["WEIPAY_PUBLIC_KEY"].clone());
    let output = weipay(&["call", "GET", CALLBACKS], &swapped);
    assert_eq!(exit(&output), 2);
    assert!(stderr(&output).contains("WEIPAY_MERCHANT_KEY"), "{}", stderr(&output));
    assert!(Path::new(WEIPAY).is_absolute());
}

#[test]
fn all_missing_variables_are_told_at_once_with_the_other_way() {
    let output = weipay(&["call", "GET", CALLBACKS], &HashMap::new());
    assert_eq!(exit(&output), 2);
    let told = stderr(&output);
    for name in ["MCHID", "MERCHANT_SERIAL", "MERCHANT_KEY", "PUBLIC_KEY_ID", "PUBLIC_KEY"] {
        assert!(told.contains(&format!("WEIPAY_{name}")), "{told}");
    }
    assert!(told.contains("--kit FILE"), "{told}");
}

#[test]
fn an_unknown_path_gets_the_nearest_ones_when_the_call_fails() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    for (method, path, near) in [
        ("POST", "v3/pay/transaction/jsapi", "\n  POST v3/pay/transactions/jsapi"),
        ("GET", "v3/refund/domestic/refund/1217752501", "\n  GET v3/refund/domestic/refunds/{out_refund_no}"),
        ("PUT", CALLBACKS, "only with GET, POST"),
    ] {
        let output = weipay(&["call", method, path], &full);
        assert_eq!(exit(&output), 1, "{path}");
        assert!(stderr(&output).contains(near), "{path}: {}", stderr(&output));
    }
}

#[test]
fn letters_that_no_url_takes_are_shown_with_the_option_that_does() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    for (path, letter, option) in [
        ("v3/certificates?name=中文", "`中`", "--query name=VALUE"),
        ("v3/券/1", "`券`", "--path name=VALUE"),
    ] {
        let output = weipay(&["call", "GET", path], &full);
        assert_eq!(exit(&output), 2, "{path}");
        let told = stderr(&output);
        assert!(told.contains(letter) && told.contains(option) && !told.contains(".query("), "{told}");
    }
}

#[test]
fn neither_a_body_nor_a_token_nor_a_key_is_repeated() {
    let sandbox = Sandbox::start().unwrap();
    let full = environment(&sandbox);
    let key = std::fs::read_to_string(&full["WEIPAY_MERCHANT_KEY"]).unwrap();
    let inner: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut broken = full.clone();
    broken.insert("WEIPAY_MERCHANT_KEY", inner.clone());
    for (arguments, environment) in [
        (&["call", "POST", CALLBACKS, "--json", "{\"name\":\"secret\""] as &[&str], &full),
        (&["call", "POST", CALLBACKS, "--query", "secret"], &full),
        (&["call", "POST", CALLBACKS, "--header", "secret"], &full),
        (&["call", "GET", "https://api.mch.weixin.qq.com/v3/billdownload/file?token=secret"], &full),
        (&["call", "GET", CALLBACKS], &broken),
        (&["call", "GET", CALLBACKS, "--kit", &inner], &full),
        (&["call", "POST", CALLBACKS, "{\"name\":\"secret\"}"], &full),
        (&["call", &inner, CALLBACKS], &full),
    ] {
        let output = weipay(arguments, environment);
        assert_eq!(exit(&output), 2, "{arguments:?}");
        let told = stderr(&output);
        assert!(!told.contains("secret") && !told.contains(&inner[..12]), "{told}");
    }
}

#[test]
fn a_word_that_looks_mistyped_is_pointed_out_and_sent_all_the_same() {
    let sandbox = Sandbox::start().unwrap();
    let kit = sandbox.kit_file().to_str().unwrap();
    let stocks = "v3/marketing/busifavor/stocks";
    let body = |word: &str| format!(r#"{{"stock_type":"{word}"}}"#);
    let (mistyped, known) = (body("NORML"), body("NORMAL"));
    let call = |body: &str| weipay(&["call", "POST", stocks, "--json", body, "--kit", kit], &HashMap::new());
    let (mistyped, known) = (call(&mistyped), call(&known));
    let told = stderr(&mistyped);
    assert!(told.starts_with("hint: /body/stock_type is `NORML`"), "{told}");
    assert!(told.contains("did you mean `NORMAL`?"), "{told}");
    assert!(!stderr(&known).contains("hint:"), "{}", stderr(&known));
    assert_eq!(exit(&mistyped), exit(&known), "the platform's answer decides: both were sent");
}

/// A call ends by a signal while the platform has it: what it was, and what to do, is told.
#[test]
#[cfg(unix)]
fn an_interrupted_call_says_that_it_may_have_taken_effect() {
    let sandbox = Sandbox::start().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut environment = environment(&sandbox);
    environment.insert("WEIPAY_BASE_URL", format!("http://{}", listener.local_addr().unwrap()));
    let order = r#"{"out_trade_no":"A-17"}"#;
    let native: &[&str] = &["call", "POST", "v3/pay/transactions/native", "--json", order];
    let pay_by_code: &[&str] = &["call", "POST", "v3/pay/transactions/codepay", "--json", order];
    for (signal, code, arguments, told) in [
        (
            "-INT",
            130,
            native,
            "error: interrupted; the call may have taken effect (POST v3/pay/transactions/native, out_trade_no A-17): query \
             the result, or repeat it with the same out_trade_no and the same content, which is safe\n",
        ),
        (
            "-TERM",
            143,
            pay_by_code,
            "error: interrupted; the call may have taken effect (POST v3/pay/transactions/codepay, out_trade_no A-17): \
             query the result before you repeat it; it is not known whether a repeat is safe\n",
        ),
    ] {
        let mut command = Command::new(WEIPAY);
        command.args(arguments).envs(&environment).stderr(Stdio::piped()).stdout(Stdio::piped());
        let running = command.spawn().unwrap();
        // The platform has the request, and says nothing.
        let (stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        assert!(line.starts_with("POST /v3/pay/transactions/"), "{line}");
        assert!(Command::new("kill").args([signal, &running.id().to_string()]).status().unwrap().success());
        let output = running.wait_with_output().unwrap();
        assert_eq!((exit(&output), stderr(&output).as_str()), (code, told));
        assert!(output.stdout.is_empty());
    }
    // What only reads leaves nothing open, and ends as any program does. A shell that runs this in the background lets it ignore
    // SIGINT, but not SIGTERM.
    let mut command = Command::new(WEIPAY);
    command.args(STOCK).envs(&environment).stderr(Stdio::piped());
    let running = command.spawn().unwrap();
    let (stream, _) = listener.accept().unwrap();
    BufReader::new(&stream).read_line(&mut String::new()).unwrap();
    assert!(Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap().success());
    let output = running.wait_with_output().unwrap();
    assert!(!output.status.success() && stderr(&output).is_empty(), "{output:?}");
}
