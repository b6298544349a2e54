//! `weipay sandbox play`: every story of the repository goes as it tells, and what does not is said.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::serving::{Serving, WEIPAY};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stories")
}

fn play(story: &Path, options: &[&str]) -> Output {
    Command::new(WEIPAY).args(["sandbox", "play"]).arg(story).args(options).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_story_goes_as_it_tells() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let stories: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "toml")).collect();
    assert!(!stories.is_empty());
    let told = fs::read_to_string(folder().join("README.md")).unwrap();
    thread::scope(|scope| {
        for story in &stories {
            let name = story.file_name().unwrap().to_str().unwrap();
            assert!(told.contains(&format!("({name})")), "stories/README.md does not list {name}");
            scope.spawn(move || {
                let played = play(story, &[]);
                assert!(played.status.success(), "{}{}", text(&played.stdout), text(&played.stderr));
            });
        }
    });
}

/// What a story of these steps ends with.
fn ending(steps: &str, options: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("story.toml");
    fs::write(&file, format!("title = 'A story'\n{steps}")).unwrap();
    let played = play(&file, options);
    (played.status.code(), text(&played.stderr))
}

#[test]
fn what_does_not_go_as_expected_is_told_with_file_line_and_step() {
    for (steps, code, parts) in [
        (
            "[[step]]\nname = 'balance'\ncall = 'GET v3/merchant/fund/balance/BASIC'\nexpect = { body = { available_amount = 1, x = 2 } }",
            1,
            &[
                "story.toml:2: step 1 (balance): ",
                "available_amount is 0",
                "expected 1",
                "x is missing, expected 2",
            ] as &[&str],
        ),
        (
            "[[step]]\ncall = 'GET v3/merchant/fund/balance/BASIC'\nexpect = { code = 'NOT_FOUND' }",
            1,
            &["it succeeded, but was expected to be refused"],
        ),
        (
            "[[step]]\ncall = 'GET v3/merchant/fund/balance/BASIC'\nexpect = { lost = true }",
            1,
            &["expects it to be lost"],
        ),
        ("[[step]]\ncall = 'GET v3/certificates/{{nobody.id}}'", 2, &["unknown name `nobody`"]),
        (
            "[[step]]\ncall = 'GET v3/complaints/{{run}}/a'\n[[step]]\ncontrol = 'GET /nothing'",
            1,
            &["step 1: "],
        ),
        ("[[step]]\ncontrol = 'GET /nothing'", 1, &["no route has this path"]),
        (
            "[[step]]\ncall = 'GET v3/capital/capitallhh/areas/provinces'",
            1,
            &["the response is an example, and nothing happened"],
        ),
        ("[[step]]\ncal = 'GET v3/merchant/fund/balance/BASIC'", 2, &["story.toml:2: ", "nothing was sent"]),
        (
            "[[merchant]]\nname = 'a'\nplatform_keys = 'typo'\n[[step]]\ncall = 'GET v3/merchant/fund/balance/BASIC'",
            2,
            &[
                "story.toml:4: `platform_keys` must be one of public-key, certificate, migration",
                "nothing was sent",
            ],
        ),
        ("start = 'noon'\n[[step]]\ncall = 'GET v3/merchant/fund/balance/BASIC'", 2, &["story.toml:2: "]),
        (
            "[[step]]\ncontrol = 'POST /faults'\nbody = { fault = 'wrong-signature' }\n[[step]]\ncall = 'GET v3/merchant/fund/balance/BASIC'",
            3,
            &["step 2: "],
        ),
        (
            "[[step]]\ncontrol = 'POST /faults'\nbody = { fault = 'drop' }\n[[step]]\ncall = 'GET v3/merchant/fund/balance/BASIC'",
            4,
            &["step 2: "],
        ),
    ] {
        let (found, error) = ending(steps, &[]);
        assert_eq!(found, Some(code), "{steps}\n{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{steps}\n{error}");
    }
}

#[test]
fn a_request_of_unknown_outcome_is_repeated_as_the_story_says() {
    let steps = |faults: u32, expect: &str| {
        let fault = format!("body = {{ fault = '503', first = {faults} }}");
        format!(
            "[[step]]\ncontrol = 'POST /faults'\n{fault}\n\
             [[step]]\ncall = 'GET v3/merchant/fund/balance/BASIC'\nretries = 2\n{expect}"
        )
    };
    for (faults, expect, code, part) in [
        (2, "", 0, ""),
        (3, "expect = { unknown = true }", 0, ""),
        (3, "", 1, "sent 3 times"),
        (2, "expect = { unknown = true }", 1, "expects it to leave the result unknown"),
    ] {
        let (found, error) = ending(&steps(faults, expect), &[]);
        assert!(found == Some(code) && error.contains(part), "{faults} {expect}: {found:?} {error}");
    }
}

#[test]
fn a_step_is_told_in_plain_words_with_what_came_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("story.toml");
    let steps = "name = 'balance'\ntell = 'The shop has {{balance.available_amount}} fen.'\n\
                 call = 'GET v3/merchant/fund/balance/BASIC'";
    fs::write(&file, format!("title = 'A story'\n[[step]]\n{steps}")).unwrap();
    let played = play(&file, &[]);
    assert!(text(&played.stdout).contains("  1  The shop has 0 fen.\n"), "{}", text(&played.stdout));
}

#[test]
fn a_refusal_of_apiv2_is_told_by_its_code_although_its_status_is_200() {
    let step = "[[step]]\ncall = 'POST v2/pay/orderquery'\n\
                body = { appid = '{{merchant.appid}}', mch_id = '{{merchant.mchid}}', out_trade_no = 'order-1' }\n";
    for (expect, code, part) in [
        ("expect = { code = 'ORDERNOTEXIST' }", 0, ""),
        ("expect = { code = 'SYSTEMERROR' }", 1, "the code is ORDERNOTEXIST, expected SYSTEMERROR"),
        ("", 1, "ORDERNOTEXIST"),
    ] {
        let (found, error) = ending(&format!("{step}{expect}"), &[]);
        assert!(found == Some(code) && error.contains(part), "{expect}: {found:?} {error}");
    }
}

#[test]
fn a_story_is_played_against_a_running_sandbox_too() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let _serving = Serving::start(&data);
    let story = folder().join("coupon-campaign.toml");
    for _ in 0..2 {
        let played = play(&story, &["--data", data.to_str().unwrap(), "--move-clock-back"]);
        assert!(played.status.success(), "{}{}", text(&played.stdout), text(&played.stderr));
    }
}

/// Its sandbox has private keys in a temporary folder.
#[cfg(unix)]
#[test]
fn a_story_that_a_signal_ends_leaves_nothing_behind() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let folder = tempfile::tempdir().unwrap();
        let (story, temporary) = (folder.path().join("story.toml"), folder.path().join("tmp"));
        std::fs::create_dir(&temporary).unwrap();
        std::fs::write(&story, "title = 'It waits'\n[[step]]\nreceive = 'TRANSACTION.SUCCESS'\n").unwrap();
        let mut playing = Command::new(WEIPAY)
            .args(["sandbox", "play"])
            .arg(&story)
            .env("TMPDIR", &temporary)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(playing.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "It waits\n");
        let id = playing.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(playing.wait().unwrap().code(), Some(code));
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "{signal}");
    }
}

#[test]
fn a_notification_is_received_and_its_refusal_is_repeated() {
    let steps = "
[[step]]
respond = 500
[[step]]
control = 'POST /trigger'
body = { event = 'TRANSACTION.SUCCESS', mchid = '{{merchant.mchid}}', url = '{{merchant.notify_url}}' }
[[step]]
name = 'heard'
receive = 'TRANSACTION.SUCCESS'
expect = { body = { responded = 500, resource = { trade_state = 'SUCCESS' } } }
";
    let (code, error) = ending(steps, &[]);
    assert_eq!(code, Some(0), "{error}");
}
