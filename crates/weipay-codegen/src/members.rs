//! What an operation's row says of the members of its request and its response, as one short text:
//! `weipay::Operation` explains how it is read. Texts cost almost nothing to compile; a table of structs for
//! the same would cost seconds.

use std::collections::{BTreeMap, BTreeSet};

use weipay_catalog::{AnyResponse, ApiVersion, Carrier, Field, Kind, Operation, Place, Purpose};

use crate::table::RowNames;

/// The texts of all operations: a text that several operations have is written once, under the name of the first.
pub(crate) struct Members {
    of: Vec<String>,
    names: BTreeMap<String, String>,
}

impl Members {
    pub(crate) fn new(sorted: &[&Operation], common: &[AnyResponse], rows: &RowNames) -> Self {
        let of: Vec<String> = sorted.iter().map(|operation| text(operation, common)).collect();
        let mut seen = BTreeMap::new();
        for text in &of {
            *seen.entry(text.clone()).or_insert(0) += 1;
        }
        let mut names = BTreeMap::new();
        for (operation, text) in sorted.iter().zip(&of) {
            if seen.get(text).is_some_and(|count| *count > 1) && !names.contains_key(text) {
                names.insert(text.clone(), format!("MEMBERS_OF_{}", rows.get(operation)));
            }
        }
        Self { of, names }
    }

    /// The constants for what is shared.
    pub(crate) fn shared(&self) -> String {
        let constant =
            |(text, name): (&String, &String)| format!("#[rustfmt::skip]\nconst {name}: &str = {text:?};\n");
        self.names.iter().map(constant).collect()
    }

    /// What stands in the row with this place in the table.
    pub(crate) fn expression(&self, index: usize) -> String {
        let text = self.of.get(index).map_or("", String::as_str);
        self.names.get(text).cloned().unwrap_or_else(|| format!("{text:?}"))
    }
}

/// Path, query, body and response, each up to a `|`. Of the path only what the client acts on. Of the response all
/// members that can distinguish the operation from another one, and of their content only what the client acts on.
fn text(operation: &Operation, common: &[AnyResponse]) -> String {
    let common = common.iter().find(|common| common.version == operation.version());
    let request = &operation.request;
    let mut body = list(&request.json, &|_| true);
    push(&mut body, &list(&request.xml, &|_| true));
    for part in &request.multipart {
        let text = match (part.kind, part.carrier) {
            (Kind::Object, _) => format!("{}=f", part.name),
            // The part of APIv3 that describes the file.
            (_, Some(Carrier::JsonText)) => list(&part.fields, &|_| true),
            _ => member(part, "", &|_| true),
        };
        push(&mut body, &text);
    }
    let acts_on = |field: &Field| {
        holds(field, &|field| field.is_encrypted() || field.purpose.is_some_and(Purpose::is_of_a_response))
    };
    let limit = operation.request.query.iter().find(|field| field.purpose == Some(Purpose::PageLimit));
    let own = operation
        .response
        .iter()
        .filter(|field| common.is_none_or(|common| is_own(field, operation, common)));
    let response = own.map(|field| {
        // A list repeats the limit of its pages, which is never 0.
        let is_limit = field.required && limit.is_some_and(|limit| limit.name == field.name);
        let field = &with_echoes(field, operation, false, false);
        let is_in_every_success = is_limit || is_in_every_success(operation.version(), field);
        let mark = match (is_in_every_success, is_proof(field, operation, common)) {
            (true, true) => "+",
            (true, false) => "*",
            (false, true) if !operation.proof.is_empty() => "^",
            (false, _) => "",
        };
        if is_limit { format!("{}{mark}=l", field.name) } else { member(field, mark, &acts_on) }
    });
    let response = response.collect::<Vec<_>>().join(" ");
    [
        list(&request.path, &|field| holds(field, &Field::is_encrypted)),
        list(&request.query, &|_| true),
        body,
        response,
    ]
    .join("|")
}

/// The field without the echoes that say nothing: those in a list, and those of a shared object that repeat what another request
/// sends. Apart from those of the response itself, none has to be there, whether or not a page requires it. In a list no
/// number is the caller's, and in an object no response repeats a merchant that is not marked.
fn with_echoes(field: &Field, operation: &Operation, is_nested: bool, is_in_list: bool) -> Field {
    let mut field = field.clone();
    let is_compared = match field.purpose {
        Some(Purpose::Echo) => !is_in_list && operation.repeated_by(&field).is_some(),
        Some(Purpose::MerchantNumber) => !is_in_list,
        Some(Purpose::OtherMerchant) => !is_nested,
        _ => true,
    };
    field.purpose = field.purpose.filter(|_| is_compared);
    let is_in_list = is_in_list || field.list || field.carrier.is_some();
    let inside = field.fields.iter().map(|field| Field {
        required: field.required && field.purpose != Some(Purpose::Echo),
        ..with_echoes(field, operation, true, is_in_list)
    });
    field.fields = inside.collect();
    field
}

/// Whether a member of a response says something of its operation. Pages of APIv2 list what any response may have; one of
/// APIv3 that names such a member means its own.
fn is_own(field: &Field, operation: &Operation, common: &AnyResponse) -> bool {
    let Some(any) = common.any.iter().find(|any| any.name == field.name) else { return true };
    let is_sent = |place: Place| operation.request.fields(place).iter().any(|sent| sent.name == field.name);
    // What cannot be repeated is a result, such as the number of a new sub-merchant.
    let is_result = any.purpose == Some(Purpose::Echo) && !Place::ALL.into_iter().any(is_sent);
    operation.version() == ApiVersion::V3 || is_result || field.purpose == Some(Purpose::OtherMerchant)
}

/// Whether a member that every success has distinguishes it from those of other operations: if the operation does not say
/// which do. A value that was sent also comes back in other responses about it.
fn is_proof(field: &Field, operation: &Operation, common: Option<&AnyResponse>) -> bool {
    if !operation.proof.is_empty() {
        return operation.proof.contains(&field.name);
    }
    let is_usual = |common: &AnyResponse| common.usual.iter().any(|usual| usual.name == field.name);
    let is_known_before = matches!(field.purpose, Some(Purpose::Echo | Purpose::MerchantNumber));
    !is_known_before && !common.is_some_and(is_usual)
}

/// What the responses of each version have in common, and all names of members that say a state.
pub(crate) fn of_any_response(operations: &[&Operation], common: &[AnyResponse]) -> String {
    let of_versions = common.iter().map(|common| {
        let mut any: Vec<&str> = common.any.iter().map(|field| field.name).collect();
        any.sort_unstable();
        let echoes = common.fields().filter(|field| field.purpose == Some(Purpose::Echo));
        let echoes: Vec<&str> = echoes.map(|field| field.name).collect();
        let mut usual: Vec<&str> = common.usual.iter().map(|field| field.name).collect();
        usual.sort_unstable();
        format!(
            "#[rustfmt::skip]\npub(crate) static ANY_RESPONSE_{:?}: AnyResponse = AnyResponse {{ members: &{any:?}, usual: &{usual:?}, echoes: &{echoes:?} }};\n",
            common.version
        )
    });
    let members = operations.iter().flat_map(|operation| &operation.response);
    let states = members.filter(|field| field.purpose == Some(Purpose::State)).map(|field| field.name);
    let states: Vec<&str> = states.collect::<BTreeSet<_>>().into_iter().collect();
    let count = states.len();
    let states = format!(
        "/// Members that say in which state something is.\n#[rustfmt::skip]\npub(crate) static STATES: [&str; {count}] = {states:?};\n"
    );
    of_versions.chain([states]).collect()
}

/// Whether a success without this member is not one of the operation. The JSON of APIv3 may leave out empty values: a
/// number of 0, `false`, an empty array. A numbered element may be there any number of times.
fn is_in_every_success(version: ApiVersion, field: &Field) -> bool {
    match version {
        ApiVersion::V3 => field.required && !field.list && matches!(field.kind, Kind::String | Kind::Object),
        // The number of a merchant is an element that any response may have.
        ApiVersion::V2 => {
            field.required && !field.name.contains('$') && field.purpose != Some(Purpose::OtherMerchant)
        }
    }
}

fn push(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

fn holds(field: &Field, is: &dyn Fn(&Field) -> bool) -> bool {
    is(field) || field.fields.iter().any(|field| holds(field, is))
}

fn list(fields: &[Field], keep: &dyn Fn(&Field) -> bool) -> String {
    let members: Vec<String> =
        fields.iter().filter(|field| keep(field)).map(|field| member(field, "", keep)).collect();
    members.join(" ")
}

fn member(field: &Field, in_every_success: &str, keep: &dyn Fn(&Field) -> bool) -> String {
    let purpose = match (field.carrier, field.purpose) {
        (Some(Carrier::Encrypted), Some(Purpose::DownloadKey)) => "!=k",
        (Some(Carrier::Encrypted), _) => "!",
        (_, Some(Purpose::FileName)) => "=n",
        (_, Some(Purpose::FileSha256)) => "=s",
        (_, Some(Purpose::FileSm3)) => "=m",
        (_, Some(Purpose::PageOffset)) => "=o",
        (_, Some(Purpose::PageLimit)) => "=l",
        (_, Some(Purpose::PageNumber)) => "=p",
        (_, Some(Purpose::PageIndex)) => "=x",
        (_, Some(Purpose::PageCursor)) => "=c",
        (_, Some(Purpose::PageTotal)) => "=t",
        (_, Some(Purpose::PageItems)) => "=i",
        (_, Some(Purpose::PageNext)) => "=u",
        // A number of 0 may be left out, and under which name a response repeats a value is not certain where it is another one.
        (_, Some(Purpose::Echo))
            if field.required && field.kind == Kind::String && field.echo_of.is_none() =>
        {
            "=r"
        }
        (_, Some(Purpose::Echo)) => "=e",
        (_, Some(Purpose::MerchantNumber)) => "=w",
        (_, Some(Purpose::OtherMerchant)) => "=y",
        (_, Some(Purpose::DownloadUrl)) => "=d",
        (_, Some(Purpose::DownloadHashType)) => "=a",
        (_, Some(Purpose::DownloadHash)) => "=h",
        (_, Some(Purpose::DownloadKey)) => "=k",
        (_, Some(Purpose::DownloadNonce)) => "=v",
        _ => "",
    };
    let inside = list(&field.fields, keep);
    let wrapped = if field.carrier == Some(Carrier::JsonText) { "~" } else { "" };
    let is_open = inside.is_empty() || field.carrier == Some(Carrier::UrlText);
    let sent = field.echo_of.filter(|_| field.purpose.is_some());
    let sent = sent.map(|name| format!("@{name}")).unwrap_or_default();
    let head = format!("{}{in_every_success}{purpose}{sent}", field.name);
    match field.kind {
        _ if is_open => head,
        Kind::Object | Kind::String => format!("{head}{wrapped}{{{inside}}}"),
        _ => head,
    }
}
