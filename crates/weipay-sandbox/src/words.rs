//! Enumerations whose values have a word each, which is the same in records, requests and responses.

/// Writes an enumeration, and its `word`. The word of a value is also what records have.
macro_rules! words {
    (
        $(#[$about:meta])*
        $visible:vis enum $name:ident {
            $($(#[$about_value:meta])* $value:ident = $word:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        $visible enum $name {
            $($(#[$about_value])* #[serde(rename = $word)] $value,)+
        }

        impl $name {
            /// The word for it in records, requests and responses.
            #[must_use]
            $visible const fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)+
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use crate::merchant_coupons::StockState;
    use crate::{AttemptKind, NotificationState};

    fn stored<T: Serialize>(values: &[T]) -> Vec<String> {
        values.iter().map(|value| json!(value).as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_stored_word_is_the_one_that_is_shown() {
        let states = [StockState::Unaudit, StockState::Running, StockState::Stoped, StockState::Paused];
        assert_eq!(stored(&states), states.map(StockState::word));
        assert_eq!(stored(&states), ["UNAUDIT", "RUNNING", "STOPED", "PAUSED"]);
        let states = [
            NotificationState::Waiting,
            NotificationState::Held,
            NotificationState::Acknowledged,
            NotificationState::GivenUp,
        ];
        assert_eq!(stored(&states), states.map(NotificationState::word));
        let kinds = [
            AttemptKind::Scheduled,
            AttemptKind::Replay,
            AttemptKind::Duplicate,
            AttemptKind::Probe,
            AttemptKind::Triggered,
        ];
        assert_eq!(stored(&kinds), kinds.map(AttemptKind::word));
    }
}
