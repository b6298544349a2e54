//! Enumerations whose values have a word each, which is the same in records, requests and responses.

/// Writes an enumeration, and its `word`, which is also what records have. After the enumeration may stand `fn from_word;`, and
/// then `const WORDS;`, each with its visibility.
macro_rules! words {
    (
        $(#[$about:meta])*
        $visible:vis enum $name:ident {
            $($(#[$about_value:meta])* $value:ident = $word:literal,)+
        }
        $from:vis fn from_word;
        $list:vis const WORDS;
    ) => {
        words! {
            $(#[$about])*
            $visible enum $name {
                $($(#[$about_value])* $value = $word,)+
            }
            $from fn from_word;
        }

        impl $name {
            /// The words of all values.
            $list const WORDS: [&'static str; Self::ALL.len()] = [$($word),+];
        }
    };
    (
        $(#[$about:meta])*
        $visible:vis enum $name:ident {
            $($(#[$about_value:meta])* $value:ident = $word:literal,)+
        }
        $from:vis fn from_word;
    ) => {
        words! {
            $(#[$about])*
            $visible enum $name {
                $($(#[$about_value])* $value = $word,)+
            }
        }

        impl $name {
            const ALL: [Self; [$($word),+].len()] = [$(Self::$value),+];

            /// The value of this [`word`](Self::word).
            #[must_use]
            $from fn from_word(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.word() == word)
            }
        }
    };
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
    use serde_json::{from_value, json};

    words! {
        enum Weather {
            Fair = "FAIR",
            /// The word is none that serde would make of the name.
            LightRain = "drizzle",
        }
        fn from_word;
        const WORDS;
    }

    #[test]
    fn the_word_is_written_and_shown_and_read() {
        let all = [Weather::Fair, Weather::LightRain];
        assert_eq!(json!(all), json!(["FAIR", "drizzle"]));
        assert_eq!(all.map(Weather::word), ["FAIR", "drizzle"]);
        assert_eq!(Weather::WORDS, ["FAIR", "drizzle"]);
        assert_eq!(Weather::WORDS.map(Weather::from_word), all.map(Some));
        assert_eq!(Weather::from_word("LightRain"), None);
        for weather in all {
            assert_eq!(from_value::<Weather>(json!(weather.word())).unwrap(), weather);
        }
        assert!(from_value::<Weather>(json!("LightRain")).is_err());
    }
}
