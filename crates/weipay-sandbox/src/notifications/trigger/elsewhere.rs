//! Finds values of a field on other pages: most pages of notifications list no values and have no examples, but a
//! request or a response has the same field.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use weipay_catalog::{Catalog, Field, Kind, Place};

/// Fields of this name; of this label, or of any.
type Key = (&'static str, Option<&'static str>);

/// What stands beside these names says what they mean, so nothing follows from the name alone.
const SAY_NOTHING_ALONE: [&str; 9] =
    ["code", "id", "message", "name", "reason", "state", "status", "type", "value"];

/// The values that pages list for the same name and label, those of most pages.
pub(super) fn values(field: &Field) -> Option<&'static [&'static str]> {
    ELSEWHERE.values.get(&labelled(field)?).copied()
}

/// The example that most pages have for the same name and label, or else for the same name.
pub(super) fn example(field: &Field) -> Option<&'static str> {
    let of_label = labelled(field).and_then(|key| ELSEWHERE.examples.get(&key));
    let of_name = || {
        if SAY_NOTHING_ALONE.contains(&field.name) {
            None
        } else {
            ELSEWHERE.examples.get(&(field.name, None))
        }
    };
    of_label.or_else(of_name).copied().filter(|text| field.check_text(text).is_ok())
}

fn labelled(field: &Field) -> Option<Key> {
    (!field.label.is_empty()).then_some((field.name, Some(field.label)))
}

struct Elsewhere {
    values: BTreeMap<Key, &'static [&'static str]>,
    examples: BTreeMap<Key, &'static str>,
}

static ELSEWHERE: LazyLock<Elsewhere> = LazyLock::new(|| {
    let mut counted = Counted::default();
    let catalog = Catalog::embedded();
    for operation in catalog.operations() {
        for place in Place::ALL {
            counted.add(operation.request.fields(place));
        }
        counted.add(&operation.response);
    }
    for notification in catalog.notifications() {
        counted.add(&notification.body);
        counted.add(&notification.resource);
    }
    Elsewhere { values: most(counted.values), examples: most(counted.examples) }
});

#[derive(Default)]
struct Counted {
    values: BTreeMap<Key, BTreeMap<&'static [&'static str], usize>>,
    examples: BTreeMap<Key, BTreeMap<&'static str, usize>>,
}

impl Counted {
    fn add(&mut self, fields: &'static [Field]) {
        for field in fields {
            self.add(&field.fields);
            if field.kind != Kind::String || field.carrier.is_some() || field.list {
                continue;
            }
            let keys = [labelled(field), Some((field.name, None))];
            for key in keys.into_iter().flatten() {
                if !field.values.is_empty() {
                    *self.values.entry(key).or_default().entry(&field.values).or_default() += 1;
                }
                if let Some(example) = field.example.as_deref() {
                    *self.examples.entry(key).or_default().entry(example).or_default() += 1;
                }
            }
        }
    }
}

/// Of each the one that is said most often; of several the first in the alphabet, so that it is always the same.
fn most<T: Ord + Copy>(counted: BTreeMap<Key, BTreeMap<T, usize>>) -> BTreeMap<Key, T> {
    let most = |said: BTreeMap<T, usize>| {
        said.into_iter().max_by_key(|(said, count)| (*count, std::cmp::Reverse(*said))).map(|(said, _)| said)
    };
    counted.into_iter().filter_map(|(key, said)| Some((key, most(said)?))).collect()
}
