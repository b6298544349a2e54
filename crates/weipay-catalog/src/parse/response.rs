//! The text about what the responses of a version have in common.

use super::outline::{self, entry, push_field};
use super::{Heading, ParseError, error, expect_heading};
use crate::any_response::AnyResponse;
use crate::field::Field;
use crate::shared::Resolver;

/// Reads what the responses of a version have in common.
pub(crate) fn any_response(text: &'static str, shared: Resolver<'_>) -> Result<AnyResponse, ParseError> {
    let Heading::Response(version) = expect_heading(text)? else {
        return Err(error(1, "not about responses: its heading must be RESPONSE and version".to_owned()));
    };
    let mut response = AnyResponse { version, title: "", any: Vec::new(), usual: Vec::new() };
    let mut place: Option<fn(&mut AnyResponse) -> &mut Vec<Field>> = None;
    for line in outline::lines(text) {
        let line = line?;
        match (line.level, entry(line.text)) {
            (1, ("title", title)) => response.title = title,
            (1, ("any", "")) => place = Some(|response| &mut response.any),
            (1, ("usual", "")) => place = Some(|response| &mut response.usual),
            (1, (word, _)) => {
                let reason = format!("`{word}` is not a key here: use `title`, `any` and `usual`");
                return Err(error(line.number, reason));
            }
            (level, _) => {
                let Some(place) = place else {
                    return Err(error(line.number, "a field must be below `any` or `usual`".to_owned()));
                };
                push_field(place(&mut response), level - 2, &line, shared)?;
            }
        }
    }
    if response.title.is_empty() {
        return Err(error(1, "what responses have in common needs a `title` line".to_owned()));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::ApiVersion;
    use crate::shared::Shared;

    fn read(text: &'static str) -> Result<AnyResponse, String> {
        any_response(text, Shared::default().resolver()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_any_response_may_have_and_what_many_have_are_told_apart() {
        let response = read(
            "RESPONSE v3\n  title 应答\n\n  any\n    code string # 响应码\n\n  usual\n    mchid string echo\n    appid string\n",
        )
        .unwrap();
        let names = |fields: &[Field]| fields.iter().map(|field| field.name).collect::<Vec<_>>();
        assert_eq!((response.version, response.title), (ApiVersion::V3, "应答"));
        assert_eq!((names(&response.any), names(&response.usual)), (vec!["code"], vec!["mchid", "appid"]));
        assert_eq!(response.fields().count(), 3);
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, problem) in [
            ("RESPONSE v3\n  title x\n  some\n", "line 3: `some` is not a key here"),
            ("RESPONSE v3\n  title x\n    code string\n", "line 3: a field must be below `any` or `usual`"),
            (
                "RESPONSE v3\n  any\n    code string\n",
                "line 1: what responses have in common needs a `title`",
            ),
            ("ENVELOPE v3\n  title x\n", "line 1: not about responses"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.starts_with(problem), "{said}");
        }
    }
}
