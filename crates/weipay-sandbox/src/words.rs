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
    use serde_json::{from_value, json};

    use crate::{AttemptKind, NotificationState};

    words! {
        enum Weather {
            Fair = "FAIR",
            /// The word is none that serde would make of the name.
            LightRain = "drizzle",
        }
    }

    fn stored<T: Serialize>(values: &[T]) -> Vec<String> {
        values.iter().map(|value| json!(value).as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_word_is_written_and_shown_and_read() {
        let all = [Weather::Fair, Weather::LightRain];
        assert_eq!(stored(&all), ["FAIR", "drizzle"]);
        assert_eq!(all.map(Weather::word), ["FAIR", "drizzle"]);
        for weather in all {
            assert_eq!(from_value::<Weather>(json!(weather.word())).unwrap(), weather);
        }
        assert!(from_value::<Weather>(json!("LightRain")).is_err());
    }

    /// These have their words twice.
    #[test]
    fn the_stored_word_is_the_one_that_is_shown() {
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
