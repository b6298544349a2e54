//! Sandboxes with many coupons in their store. To send a million of them would take half an hour. So the coupons of one
//! user are sent, and the lines of their snapshot are written again for other users and with other codes, as often as
//! it takes; that snapshot is restored.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};
use weipay::blocking::Client;
use weipay_sandbox::Sandbox;

use crate::coupons::{self, PER_USER};

/// So many coupons are stored in the one sandbox and in the other.
pub(crate) const COUNTS: [usize; 2] = [8_000, 1_000_000];

/// Fills the store of a data folder. Gives the bodies of so many calls, each for another coupon, evenly out of all of them.
pub(crate) fn fill(folder: &Path, count: usize, calls: usize) -> Vec<Value> {
    let sandbox = Sandbox::builder().data(folder).start().expect("a sandbox");
    let client = Client::from_kit(sandbox.kit_file()).expect("a client");
    let kit: Value =
        serde_json::from_slice(&std::fs::read(sandbox.kit_file()).expect("a kit")).expect("JSON");
    let text = |member: &str| kit[member].as_str().expect("a member of the kit");
    let post = |path: &str, body: &Value| -> Value {
        client.chain(path).post(body).expect("a verified response").json().expect("JSON")
    };
    let stock = post("v3/marketing/busifavor/stocks", &coupons::stock(text("mchid"), count));
    let stock_id = &stock["stock_id"];
    let sent = coupons::sendings(stock_id, text("appid"), PER_USER).into_iter().map(|body| {
        let sent = post("v3/marketing/busifavor/coupons/send", &body);
        sent["send_coupon_result"]["coupon_code"].as_str().expect("a code").to_owned()
    });
    let codes: Vec<String> = sent.collect();
    let width = codes[0].len();
    let few = sandbox.snapshot("few").expect("a snapshot");
    let many = few.file.with_file_name("many.jsonl");
    multiply(&few.file, &many, &codes, count / PER_USER);
    sandbox.restore("many").expect("a restored snapshot");
    std::fs::remove_file(many).expect("a removed file");
    let spread = (0..calls).map(|call| {
        let code = code(width, call * count / calls);
        json!({"send_coupon_result": {"coupon_code": code}})
    });
    coupons::associations(stock_id, &spread.collect::<Vec<_>>())
}

/// The code of a coupon. As long as one that was sent.
fn code(width: usize, number: usize) -> String {
    format!("{number:0width$}")
}

/// Writes the lines of a snapshot, those of coupons and of their sending once for each user.
fn multiply(from: &Path, to: &Path, codes: &[String], users: usize) {
    let mut to = BufWriter::new(File::create(to).expect("a file"));
    let mut rows = 0;
    let mut write = |line: &str| {
        rows += 1;
        writeln!(to, "{line}").expect("a written line");
    };
    let (mut of_coupons, mut others) = (vec![], vec![]);
    for line in
        BufReader::new(File::open(from).expect("a snapshot")).lines().map(|line| line.expect("a line"))
    {
        match codes.iter().position(|code| line.contains(code.as_str())) {
            Some(place) => of_coupons.push((place, line)),
            None => others.push(line),
        }
    }
    others.pop().expect("the last line");
    others.iter().for_each(|line| write(line));
    let first_user = coupons::openid(0);
    for user in 0..users {
        let openid = coupons::openid(user);
        for (place, line) in &of_coupons {
            let code = code(codes[0].len(), user * PER_USER + place);
            write(&line.replace(&codes[*place], &code).replace(&first_user, &openid));
        }
    }
    // The first line is not a row.
    let end = json!({"end": {"rows": rows - 1}});
    writeln!(to, "{end}").expect("a written line");
    to.flush().expect("a written file");
}
