//! The rules of one field, held against each other and against its example.

use super::{Linter, Place, example, label, money};
use crate::field::{Carrier, Field, Format, Kind, Limits};

impl Linter {
    pub(super) fn look_at_fields(&mut self, place: Place<'_>, fields: &[Field]) {
        for field in fields {
            self.look_at_rules(place, field);
            self.look_at_example(place, field);
            if let Some(sign) = label::cut_off(field) {
                let problem = format!("the label of `{}` is cut off: it {sign}: {}", field.name, field.label);
                self.report(place, field.line, problem);
            }
            match field.shared {
                // The members of a shared object are looked at in its own file.
                Some(name) => *self.uses.entry(name).or_default() += 1,
                None => self.look_at_fields(place, &field.fields),
            }
        }
    }

    fn look_at_rules(&mut self, place: Place<'_>, field: &Field) {
        let name = field.name;
        for (limits, of) in [(field.limits, "range"), (field.items, "number of members")] {
            if let Limits { min: Some(min), max: Some(max) } = limits
                && min > max
            {
                self.report(
                    place,
                    field.line,
                    format!("the {of} of `{name}` ends ({max}) before it begins ({min})"),
                );
            }
        }
        // Of an object without members, which is a file, it says how many bytes.
        let has_no_size =
            field.kind == Kind::Boolean || (field.kind == Kind::Object && !field.fields.is_empty());
        if !field.limits.is_open() && has_no_size {
            let kind = field.kind.word();
            self.report(place, field.line, format!("`{name}` is a {kind}: a range says nothing of it"));
        }
        if field.in_bytes && (field.kind != Kind::String || field.limits.is_open()) {
            self.report(
                place,
                field.line,
                format!("`bytes` says what the range of a string counts: `{name}` has none"),
            );
        }
        let is_called = name == "notify_url" || name.ends_with("_notify_url");
        if is_called && field.kind == Kind::String && field.format != Some(Format::NotifyUrl) {
            self.report(place, field.line, format!("the platform calls `{name}`: its format is notify-url"));
        }
        if let Some(unit) = field.format.and_then(Format::unit)
            && field.kind != Kind::Integer
        {
            self.report(place, field.line, format!("`{name}` is in {unit} and not an integer"));
        }
        if money::lacks_unit(field) && !place.says_above(field.line, "unit") {
            self.report(place, field.line, money::problem(field));
        }
        for value in &field.values {
            if let Some(broken) = example::broken_rule(field, value) {
                self.report(place, field.line, format!("the listed value {value} of `{name}` {broken}"));
            }
        }
        let Some(pattern) = field.pattern else { return };
        if field.kind != Kind::String {
            self.report(place, field.line, format!("`{name}` is no string: a pattern says nothing of it"));
        }
        if !weipay_rules::compiles(pattern) {
            self.report(place, field.line, format!("the pattern of `{name}` does not compile: /{pattern}/"));
        }
    }

    fn look_at_example(&mut self, place: Place<'_>, field: &Field) {
        let Some(example) = field.example.as_deref() else { return };
        // What is encrypted or signed on its way is shown as it travels, the rules are for what it says.
        if matches!(field.carrier, Some(Carrier::Encrypted | Carrier::Sealed | Carrier::Signed)) {
            return;
        }
        if let Some(missing) = example::missing_format(field, example) {
            self.report(place, field.line, format!("the example of `{}`, {example}, {missing}", field.name));
        }
        if let Some(broken) = example::broken_rule(field, example) {
            self.report(place, field.line, format!("the example of `{}`, {example}, {broken}", field.name));
        }
    }
}
