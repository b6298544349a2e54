//! One notification of each event of the catalogue, sent to a local receiver over a socket and opened by it.

use std::sync::mpsc::channel;
use std::thread;

use weipay::notification::Receiver;
use weipay_catalog::Catalog;
use weipay_sandbox::{Sandbox, Trigger};

use super::delivered::{answer, read_request};
use crate::server::bind;

#[test]
fn every_triggered_event_is_verified_opened_and_read_whole() {
    let sandbox = Sandbox::start().unwrap();
    let receiver = Receiver::from_kit(sandbox.kit_file()).unwrap();
    let (listener, base_url) = bind();
    let url = format!("{base_url}/notify");
    let (arrive, arrived) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let request = read_request(&stream);
            let told = match receiver.receive_request(&request) {
                Ok(notification) => {
                    answer(&stream, &notification.success());
                    let decode_errors: Vec<_> =
                        notification.decode_errors().iter().map(ToString::to_string).collect();
                    (
                        notification.event_type().to_owned(),
                        notification.event().name().unwrap_or("Other").to_owned(),
                        decode_errors.join(", "),
                    )
                }
                Err(rejection) => {
                    answer(&stream, &rejection.response());
                    (String::new(), String::new(), format!("{rejection:#}"))
                }
            };
            if arrive.send(told).is_err() {
                return;
            }
        }
    });
    let (mut faults, mut count) = (Vec::new(), 0);
    for described in Catalog::embedded().notifications() {
        let (version, event) = (described.version, described.event);
        let trigger = Trigger::new(&format!("{version}/{event}")).unwrap();
        let attempt = sandbox.notifications().trigger(&trigger, &url, None).unwrap();
        let (event_type, read, decode_errors) = arrived.recv().unwrap();
        // Two events travel under the name of another one.
        let sent_as = described.sent_as.first().copied().unwrap_or(event);
        if !attempt.acknowledged
            || event_type != sent_as
            || !decode_errors.is_empty()
            || read.contains("Other")
        {
            faults
                .push(format!("{version} {event}: {:?} {event_type} {read} {decode_errors}", attempt.status));
        }
        count += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(count, 112);
}
