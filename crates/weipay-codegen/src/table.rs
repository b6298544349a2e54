//! The table of all operations: a static row for each, and all of them sorted for the SDK's look-up.

use std::collections::{BTreeMap, BTreeSet};

use indoc::formatdoc;
use weipay_catalog::waiting::FinalStates;
use weipay_catalog::{
    AnyResponse, ApiVersion, BodyFormat, Operation, Place, Purpose, Repeat, Wait, names as rust_names,
};

use crate::errors;
use crate::members::{Members, of_any_response};
use crate::output::header;

/// The name of each operation's row.
pub(crate) struct RowNames(BTreeMap<(&'static str, &'static str), String>);

impl RowNames {
    /// Method and segments, in capitals. Of two that would have one name the second gets an underscore.
    pub(crate) fn new(operations: &[Operation]) -> Self {
        let mut names = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for operation in sorted(operations) {
            let segments = operation.path.split(['/', '{', '}']).filter(|segment| !segment.is_empty());
            let words: Vec<String> =
                segments.map(|segment| rust_names::snake(segment).to_uppercase()).collect();
            let mut name = format!("{}_{}", operation.method, words.join("_"));
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            names.insert((operation.method, operation.path), name);
        }
        Self(names)
    }

    pub(crate) fn get(&self, operation: &Operation) -> &str {
        self.0.get(&(operation.method, operation.path)).map_or("", String::as_str)
    }
}

/// By the segments of the path, then by method: the SDK searches the table in this order.
pub(crate) fn sorted(operations: &[Operation]) -> Vec<&Operation> {
    let mut sorted: Vec<&Operation> = operations.iter().collect();
    sorted.sort_by_cached_key(|operation| (operation.path.split('/').collect::<Vec<_>>(), operation.method));
    sorted
}

pub(crate) fn text(operations: &[Operation], common: &[AnyResponse], names: &RowNames) -> String {
    let sorted = sorted(operations);
    let members = Members::new(&sorted, common, names);
    let row = |(index, operation): (usize, &&Operation)| {
        let (name, row) = (names.get(operation), row(operation, names, &members.expression(index)));
        formatdoc! {"
            #[rustfmt::skip]
            pub(crate) static {name}: Operation = {row};
        "}
    };
    let rows: String = sorted.iter().enumerate().map(row).collect();
    let all: String = sorted.iter().map(|operation| format!("    &{},\n", names.get(operation))).collect();
    let (header, count) = (header("catalog/"), operations.len());
    formatdoc! {"
        {header}//! Every operation of the API, sorted by the segments of its path and by its method.

        use super::{{AnyResponse, ApiVersion, BodyFormat, Idempotency, Operation, Place, Verb, error_lists}};
        use crate::waiting::{{FinalStates, NotReady, Pace}};

        {any}
        {shared}
        {rows}
        #[rustfmt::skip]
        pub(crate) static ALL: [&Operation; {count}] = [
        {all}];
    ", any = of_any_response(&sorted, common), shared = members.shared()}
}

fn row(operation: &Operation, names: &RowNames, members: &str) -> String {
    let verb = rust_names::camel(operation.method);
    let mut row =
        format!("Operation::new(Verb::{verb}, {:?}, {:?}, {members})", operation.path, operation.title);
    let mut say = |fact: String| {
        row.push('.');
        row.push_str(&fact);
    };
    if !operation.group.is_empty() {
        say(format!("product_is({:?})", operation.group));
    }
    if let Some(base_url) = operation.base_url {
        say(format!("lives_at({base_url:?})"));
    }
    match (operation.version(), operation.body_format()) {
        (ApiVersion::V3, BodyFormat::Json) => {}
        (version, body_format) => {
            say(format!("speaks(ApiVersion::{version:?}, BodyFormat::{body_format:?})"))
        }
    }
    if let Some((_, field)) = operation.request_number() {
        say(format!("number({:?})", field.name));
    }
    filled_in(operation).for_each(&mut say);
    if let Some(path) = operation.partner_path {
        say(format!("partners_call({path:?})"));
    }
    match operation.repeat {
        Some(Repeat::Safe) => say("idempotency_is(Idempotency::Idempotent)".to_owned()),
        Some(Repeat::NotSafe) => say("idempotency_is(Idempotency::NotIdempotent)".to_owned()),
        Some(Repeat::Unknown) | None => {}
    }
    if let Some(seconds) = operation.repeat_after {
        say(format!("apart({seconds})"));
    }
    if let Some(header) = operation.signed_digest {
        say(format!("signs_digest({header:?})"));
    }
    if let Some(states) = operation.wait.as_ref().and_then(Wait::final_states) {
        let FinalStates { pace, state, finals, not_ready, may_appear } = states;
        say(format!(
            "settles(&FinalStates {{ pace: Pace::{pace:?}, state: &{state:?}, finals: &{finals:?}, not_ready: &{not_ready:?}, \
             may_appear: {may_appear} }})"
        ));
    }
    if operation.success != 200 {
        say(format!("succeeds_with({})", operation.success));
    }
    let marks = [
        (operation.is_read_only() && operation.method != "GET", "reads()"),
        (operation.unsigned, "unsigned()"),
        (operation.has_file_response, "file()"),
        (operation.client_cert, "client_certificate()"),
        (operation.nonceless, "nonceless()"),
        (operation.demands_hmac(), "hmac()"),
        (operation.has_result_code(), "result()"),
        (operation.version() == ApiVersion::V2 && !operation.is_request_signed(), "signless()"),
        (!operation.is_success_described(), "undescribed()"),
    ];
    errors::fact(operation, names).into_iter().for_each(&mut say);
    marks.into_iter().filter(|(marked, _)| *marked).for_each(|(_, fact)| say(fact.to_owned()));
    row
}

/// The fields that the client fills in: who calls.
fn filled_in(operation: &Operation) -> impl Iterator<Item = String> {
    let fields = [
        ("merchant", operation.field_for(Purpose::MerchantNumber)),
        ("sub_merchant", operation.sub_mchid()),
        ("sub_app", operation.sub_appid()),
    ];
    fields.into_iter().filter_map(|(function, field)| {
        let (place, field) = field?;
        let place = match (place, operation.version()) {
            (Place::Json, _) => "Body",
            (Place::Multipart, ApiVersion::V3) => "Meta",
            (Place::Multipart, ApiVersion::V2) => "Part",
            (Place::Path, _) => "Path",
            (Place::Query, _) => "Query",
            (Place::Headers, _) => "Header",
            (Place::Xml, _) => "Xml",
            (Place::Other, _) => return None,
        };
        Some(format!("{function}({:?}, Place::{place})", field.name))
    })
}
