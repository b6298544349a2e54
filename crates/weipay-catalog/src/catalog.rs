//! All operations and notifications, embedded in the program and parsed when they are first used.
//!
//! Start-up must cost nothing: the build records where each text begins, and a text is parsed once, when it is needed.

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use crate::notification::Notification;
use crate::operation::{ApiVersion, Operation};
use crate::parse::{self, Heading};
use crate::route::{End, Routed, Router, Unrouted};
use crate::shared::Shared;

static EMBEDDED: LazyLock<Catalog> = LazyLock::new(|| Catalog::from_index(TEXT, INDEX));

/// All files of `catalog/`, one after the other.
static TEXT: &str = include_str!(concat!(env!("OUT_DIR"), "/catalog.txt"));

/// Every heading of [`TEXT`], with the bytes from where to where its text goes.
static INDEX: &[(&str, usize, usize)] = include!(concat!(env!("OUT_DIR"), "/index.rs"));

/// The operations and notifications of the API.
#[derive(Debug)]
pub struct Catalog {
    text: &'static str,
    operations: Vec<OperationText>,
    router: Router,
    notifications: Vec<NotificationText>,
    envelopes: Vec<(ApiVersion, &'static str)>,
    shared: Shared,
}

#[derive(Debug)]
struct OperationText {
    method: &'static str,
    path: &'static str,
    bytes: Range<usize>,
    parsed: OnceLock<Box<Operation>>,
}

#[derive(Debug)]
struct NotificationText {
    version: ApiVersion,
    event: &'static str,
    bytes: Range<usize>,
    parsed: OnceLock<Box<Notification>>,
}

impl Catalog {
    /// The catalogue that this program was built with.
    #[must_use]
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    fn from_index(text: &'static str, index: &[(&'static str, usize, usize)]) -> Self {
        let mut catalog = Self {
            text,
            operations: Vec::with_capacity(index.len()),
            router: Router::default(),
            notifications: Vec::new(),
            envelopes: Vec::new(),
            shared: Shared::default(),
        };
        for (line, start, end) in index {
            let Some(heading) = parse::heading(line) else { continue };
            catalog.add(heading, *start..*end);
        }
        catalog
    }

    fn add(&mut self, heading: Heading, bytes: Range<usize>) {
        match heading {
            Heading::Operation(method, path) => {
                self.router.insert(path, self.operations.len());
                self.operations.push(OperationText { method, path, bytes, parsed: OnceLock::new() });
            }
            Heading::Notification(version, event) => {
                self.notifications.push(NotificationText { version, event, bytes, parsed: OnceLock::new() });
            }
            Heading::Envelope(version) => self.envelopes.push((version, self.cut(&bytes))),
            // What the generator of the SDK reads from the folder.
            Heading::Response(_) => {}
            Heading::Object(name) => self.shared.insert_object(name, self.cut(&bytes)),
            Heading::Values(name) => self.shared.insert_values(name, self.cut(&bytes)),
            Heading::Errors(name) => self.shared.insert_errors(name, self.cut(&bytes)),
        }
    }

    /// A part of the text. Not cut before it is needed: that would read every page of the text at start-up.
    fn cut(&self, bytes: &Range<usize>) -> &'static str {
        self.text.get(bytes.clone()).unwrap_or_default()
    }

    // A test parses every embedded text, so that nothing below can fail in a released build.

    fn parsed<'a>(&self, entry: &'a OperationText) -> &'a Operation {
        entry.parsed.get_or_init(|| {
            parse::operation(self.cut(&entry.bytes), self.shared.resolver())
                .map(Box::new)
                .unwrap_or_else(|error| unreachable!("{} {}: {error}", entry.method, entry.path))
        })
    }

    fn parsed_notification<'a>(&self, entry: &'a NotificationText) -> &'a Notification {
        entry.parsed.get_or_init(|| {
            let resolver = self.shared.resolver();
            let envelope = self.envelopes.iter().find(|(version, _)| *version == entry.version);
            envelope
                .map(|(_, text)| parse::envelope(text, resolver))
                .transpose()
                .and_then(|envelope| parse::notification(self.cut(&entry.bytes), resolver, envelope.as_ref()))
                .map(Box::new)
                .unwrap_or_else(|error| unreachable!("{} {}: {error}", entry.version, entry.event))
        })
    }

    /// How many operations there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are no operations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Every operation, sorted by path.
    pub fn operations(&'static self) -> impl Iterator<Item = &'static Operation> {
        self.operations.iter().map(|entry| self.parsed(entry))
    }

    /// Method and path of every operation, without parsing any.
    pub fn headings(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.operations.iter().map(|entry| (entry.method, entry.path))
    }

    /// The operation with this method and this path template, such as `v3/.../stocks/{stock_id}`.
    #[must_use]
    pub fn find(&'static self, method: &str, template: &str) -> Option<&'static Operation> {
        let template = template.strip_prefix('/').unwrap_or(template);
        self.operations
            .iter()
            .find(|entry| entry.method == method && entry.path == template)
            .map(|entry| self.parsed(entry))
    }

    /// The operation of a request line; `path` is without the query.
    ///
    /// # Errors
    ///
    /// If no operation has this path, or only with other methods.
    pub fn route(&'static self, method: &str, path: &str) -> Result<Routed, Unrouted> {
        let mut others = Vec::new();
        let mut first: Option<Routed> = None;
        for end in self.router.ends(path) {
            let is_filled = end.is_filled();
            for index in end.operations {
                let entry = &self.operations[index];
                if entry.method == method {
                    let routed =
                        Routed { operation: self.parsed(entry), path_values: end.path_values.clone() };
                    // Two operations can have the same URLs: `{applyment_id}/cancel` and `{business_code}/cancel`. Then the
                    // rules of their placeholders decide.
                    if first.as_ref().is_some_and(|first| !first.has_the_values_of(&routed)) {
                        break;
                    }
                    if routed.fits_its_rules() {
                        return Ok(routed);
                    }
                    first.get_or_insert(routed);
                }
                // `POST stocks/` is not `GET stocks/{stock_id}` with another method.
                others.extend(is_filled.then_some(entry.method));
            }
        }
        if let Some(first) = first {
            return Ok(first);
        }
        Err(if others.is_empty() { Unrouted::UnknownPath } else { Unrouted::OtherMethod(others) })
    }

    /// Every operation of a path, with any method. The path is a template, or a concrete path, whose most literal match is used.
    pub fn all_at(&'static self, path: &str) -> Vec<&'static Operation> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let written: Vec<_> = self.operations.iter().filter(|entry| entry.path == path).collect();
        if !written.is_empty() {
            return written.into_iter().map(|entry| self.parsed(entry)).collect();
        }
        let mut ends = self.router.ends(path);
        ends.retain(End::is_filled);
        // Templates that differ only in the names of their placeholders are equally literal.
        let values = |end: &End| end.path_values.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
        let Some(first) = ends.first().map(values) else { return Vec::new() };
        let equal = ends.iter().filter(|end| values(end) == first);
        equal.flat_map(|end| &end.operations).map(|index| self.parsed(&self.operations[*index])).collect()
    }

    /// The operation that was probably meant by a path with a missing or additional slash at its end. The platform does not
    /// have such a path.
    #[must_use]
    pub fn but_for_the_last_slash(&'static self, method: &str, path: &str) -> Option<&'static Operation> {
        let other = match path.strip_suffix('/') {
            Some(shorter) => shorter.to_owned(),
            None => format!("{path}/"),
        };
        let routed = self.route(method, &other).ok()?;
        routed.path_values.iter().all(|(_, value)| !value.is_empty()).then_some(routed.operation)
    }

    /// Version and event of every notification, without parsing any.
    pub fn notification_headings(&self) -> impl Iterator<Item = (ApiVersion, &'static str)> {
        self.notifications.iter().map(|entry| (entry.version, entry.event))
    }

    /// Every notification (回调通知), sorted by version and event.
    pub fn notifications(&'static self) -> impl Iterator<Item = &'static Notification> {
        self.notifications.iter().map(|entry| self.parsed_notification(entry))
    }

    /// The notification of this version and event, such as `TRANSACTION.SUCCESS`.
    #[must_use]
    pub fn notification(&'static self, version: ApiVersion, event: &str) -> Option<&'static Notification> {
        self.notifications
            .iter()
            .find(|entry| entry.version == version && entry.event == event)
            .map(|entry| self.parsed_notification(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_complete() {
        let catalog = Catalog::embedded();
        let of_version =
            |version: &str| catalog.headings().filter(|(_, path)| path.starts_with(version)).count();
        assert_eq!((of_version("v3/"), of_version("v2/"), catalog.len()), (1019, 129, 1148));
        let notified =
            |version: ApiVersion| catalog.notifications().filter(|found| found.version == version).count();
        assert_eq!((notified(ApiVersion::V3), notified(ApiVersion::V2)), (102, 10));
    }

    #[test]
    fn the_index_cuts_the_text_at_its_headings() {
        let cut = parse::sections(TEXT);
        assert_eq!(cut.len(), INDEX.len());
        for ((_, text), (heading, start, end)) in cut.iter().zip(INDEX) {
            assert_eq!(*text, &TEXT[*start..*end]);
            assert_eq!(text.lines().next(), Some(*heading));
            assert!(parse::heading(heading).is_some(), "{heading}");
        }
    }

    #[test]
    fn every_embedded_operation_parses_and_is_found_by_its_own_path() {
        let catalog = Catalog::embedded();
        for operation in catalog.operations() {
            let found = catalog.find(operation.method, operation.path).unwrap();
            assert_eq!(found.path, operation.path);
            let routed = catalog.route(operation.method, &filled(operation.path)).unwrap();
            // Two operations may differ in the name of a placeholder only; a request does not show it.
            assert_eq!(filled(routed.operation.path), filled(operation.path));
        }
    }

    /// The path with `_` for every placeholder.
    fn filled(path: &str) -> String {
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "_" } else { segment });
        segments.collect::<Vec<_>>().join("/")
    }

    #[test]
    fn every_embedded_notification_parses_and_has_an_answer_and_a_schedule() {
        let catalog = Catalog::embedded();
        for notification in catalog.notifications() {
            let found = catalog.notification(notification.version, notification.event).unwrap();
            assert_eq!(found.title, notification.title);
            assert!(!found.body.is_empty() && !found.response.is_empty(), "{}", found.event);
            assert!(!found.retry.waits.is_empty(), "{}", found.event);
            assert!(found.version == ApiVersion::V2 || !found.resource.is_empty(), "{}", found.event);
        }
    }

    #[test]
    fn the_usual_schedule_lasts_a_day_and_four_minutes() {
        let usual = &Catalog::embedded().notification(ApiVersion::V3, "REFUND.SUCCESS").unwrap().retry;
        assert_eq!((usual.waits.len(), usual.waits.iter().sum::<u32>()), (15, 86_640));
    }

    #[test]
    fn a_literal_segment_wins_over_a_placeholder() {
        let catalog = Catalog::embedded();
        let send = catalog.route("POST", "/v3/marketing/busifavor/coupons/send").unwrap();
        assert_eq!(send.operation.path, "v3/marketing/busifavor/coupons/send");
        let card = catalog.route("POST", "/v3/marketing/busifavor/coupons/send/send").unwrap();
        assert_eq!(card.operation.path, "v3/marketing/busifavor/coupons/{card_id}/send");
        assert_eq!(card.path_values, [("card_id", "send".to_owned())]);
    }

    #[test]
    fn a_path_gives_all_its_operations_written_out_or_filled() {
        let catalog = Catalog::embedded();
        let found = |path: &str| -> Vec<(&str, &str)> {
            catalog.all_at(path).iter().map(|found| (found.method, found.path)).collect()
        };
        let stock = "v3/marketing/busifavor/stocks/{stock_id}";
        assert_eq!(found(stock), [("GET", stock), ("PATCH", stock)]);
        assert_eq!(found("/v3/marketing/busifavor/stocks/98065001"), found(stock));
        let send = "v3/marketing/busifavor/coupons/send";
        assert_eq!(found(send), [("POST", send)]);
        // Two operations whose placeholders differ in nothing but their names.
        assert_eq!(found("v3/apply4subject/applyment/{business_code}/cancel").len(), 1);
        assert_eq!(found("v3/apply4subject/applyment/1/cancel").len(), 2);
        assert!(found("v3/no/such/path").is_empty());
    }

    #[test]
    fn an_unknown_path_and_a_wrong_method_are_told_apart() {
        let catalog = Catalog::embedded();
        assert_eq!(catalog.route("POST", "/v3/no/such/path").unwrap_err(), Unrouted::UnknownPath);
        assert_eq!(
            catalog.route("GET", "/v3/marketing/busifavor/coupons/send").unwrap_err(),
            Unrouted::OtherMethod(vec!["POST"])
        );
    }

    #[test]
    fn a_slash_at_the_end_is_a_part_of_the_path() {
        let catalog = Catalog::embedded();
        for path in ["v3/applyment4sub/applyment/", "v3/ecommerce/applyments/"] {
            let without = path.trim_end_matches('/');
            assert_eq!(catalog.route("POST", &format!("/{path}")).unwrap().operation.path, path);
            assert!(catalog.route("POST", &format!("/{without}")).is_err(), "{without}");
            assert!(catalog.find("POST", without).is_none());
            assert_eq!(catalog.but_for_the_last_slash("POST", without).unwrap().path, path);
            assert!(catalog.but_for_the_last_slash("POST", path).is_none());
        }
        assert_eq!(catalog.route("GET", "/v3/certificates/").unwrap_err(), Unrouted::UnknownPath);
        let meant = catalog.but_for_the_last_slash("GET", "/v3/certificates/").unwrap();
        assert_eq!(meant.path, "v3/certificates");
        let ending_so: Vec<&str> =
            catalog.headings().map(|(_, path)| path).filter(|path| path.ends_with('/')).collect();
        assert_eq!(ending_so, ["v3/applyment4sub/applyment/", "v3/ecommerce/applyments/"]);
    }

    #[test]
    fn among_equal_urls_the_operation_whose_rules_fit_is_found() {
        let found = |value: &str| {
            let routed =
                Catalog::embedded().route("POST", &format!("/v3/apply4subject/applyment/{value}/cancel"));
            routed.unwrap().operation.path
        };
        assert_eq!(found("2000002124775691"), "v3/apply4subject/applyment/{applyment_id}/cancel");
        assert_eq!(found("1900013511_10000"), "v3/apply4subject/applyment/{business_code}/cancel");
    }

    #[test]
    fn a_path_without_a_value_leads_to_the_operation_that_wants_one() {
        let catalog = Catalog::embedded();
        let empty = catalog.route("GET", "/v3/marketing/favor/stocks//items").unwrap();
        assert_eq!(empty.operation.path, "v3/marketing/favor/stocks/{stock_id}/items");
        assert_eq!(empty.path_values, [("stock_id", String::new())]);
        assert!(catalog.all_at("v3/marketing/favor/stocks//items").is_empty());
        let unknown = catalog.route("POST", "/v3/marketing/busifavor/stocks/").unwrap_err();
        assert_eq!(unknown, Unrouted::UnknownPath);
        assert_eq!(
            catalog.but_for_the_last_slash("POST", "v3/refund/domestic/refunds/").unwrap().path,
            "v3/refund/domestic/refunds"
        );
    }
}
