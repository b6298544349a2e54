//! Checks what a notification of APIv2 says about itself: which merchant it is for, and what happened. There is no header for
//! either, so a receiver acts on these lines.

use super::{Linter, Place};
use crate::field::Field;
use crate::notification::Notification;
use crate::operation::ApiVersion;

impl Linter {
    pub(super) fn check_marks(&mut self, place: Place<'_>, notification: &Notification) {
        let Notification { merchant, told_by, numbers, identity, body, resource, .. } = notification;
        if notification.version != ApiVersion::V2 {
            if merchant.is_some() || !told_by.is_empty() || !numbers.is_empty() || !identity.is_empty() {
                let problem = "remove `merchant`, `told-by`, `numbers` and `identity`: a notification of APIv3 names its event in `event_type`";
                self.report(place, 1, problem);
            }
            return;
        }
        let has = |fields: &[Field], name: &str| fields.iter().any(|field| field.name == name);
        if !merchant.is_some_and(|name| has(body, name)) {
            self.report(
                place,
                1,
                "`merchant` must name the element of the body with the number of the merchant",
            );
        }
        // The few that are posted as JSON name their event.
        if has(body, "event_type") != told_by.is_empty() {
            self.report(
                place,
                1,
                "`told-by` must name elements that only this event has, unless it has an `event_type`",
            );
        }
        if told_by.is_empty() != numbers.is_empty() || told_by.is_empty() != identity.is_empty() {
            self.report(
                place,
                1,
                "`told-by` requires `numbers` and `identity`, which tell one message from another",
            );
        }
        for name in told_by.iter().flatten().filter(|name| !has(body, name)) {
            self.report(place, 1, format!("`told-by` names `{name}`, which the body does not have"));
        }
        for name in numbers.iter().chain(identity).filter(|name| !has(body, name) && !has(resource, name)) {
            self.report(
                place,
                1,
                format!("`numbers` or `identity` names `{name}`, which the notification does not have"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::lint;

    #[test]
    fn a_notification_of_apiv2_says_whom_it_is_for_and_its_identity() {
        let findings = |lines: &str| {
            let text = format!(
                "NOTIFY v2 paid\n  title x\n  retry 15s\n{lines}\n  body\n    mch_id* string\n    paid_no* string\n\n  response\n    a string\n"
            );
            let envelope = "ENVELOPE v2\n  title x\n  retry 15s\n\n  response\n    a string\n";
            lint(&[("notifications/v2/envelope", envelope), ("notifications/v2/paid", &text)]).join("\n")
        };
        assert_eq!(
            findings("  merchant mch_id\n  told-by paid_no\n  numbers paid_no\n  identity mch_id\n"),
            ""
        );
        let nothing = findings("");
        assert!(
            nothing.contains("`merchant` must name") && nothing.contains("`told-by` must name"),
            "{nothing}"
        );
        let wrong = findings("  merchant mchid\n  told-by paid | mch_id\n  identity number\n");
        for problem in
            ["`merchant` must name", "`told-by` requires", "`told-by` names `paid`", "names `number`"]
        {
            assert!(wrong.contains(problem), "{problem}: {wrong}");
        }
    }
}
