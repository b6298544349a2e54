//! Why JSON did not read, without what stood in it.

use serde_json::error::{Category, Error};

/// A reason that is fit for a log. serde_json's own quotes the value that is not of the wanted type, which may be a
/// telephone number; its other reasons quote nothing.
pub(crate) fn reason(error: &Error) -> String {
    match error.classify() {
        Category::Data => {
            let (line, column) = (error.line(), error.column());
            format!("it is JSON, but not of the wanted type, at line {line} column {column}")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<T: serde::de::DeserializeOwned>(text: &str) -> String {
        match serde_json::from_str::<T>(text) {
            Ok(_) => panic!("{text} reads"),
            Err(error) => reason(&error),
        }
    }

    #[test]
    fn a_value_of_another_type_is_not_quoted() {
        let place = "it is JSON, but not of the wanted type, at line 1 column 13";
        assert_eq!(of::<u64>(r#""13800138000""#), place);
        assert_eq!(of::<Vec<bool>>("[13800138000]"), place.replace("13", "12"));
    }

    #[test]
    fn text_that_is_no_json_is_told_with_its_place() {
        assert_eq!(of::<u64>("secret"), "expected value at line 1 column 1");
        assert_eq!(of::<u64>(""), "EOF while parsing a value at line 1 column 0");
    }
}
