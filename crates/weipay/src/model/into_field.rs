//! The conversion traits for the arguments of setters.

use std::any::{Any, type_name};
use std::borrow::Cow;

use serde_json::{Number, Value as Json};

use super::check::Violation;
use super::table::Field;
use super::value::{Container, Model, Slot, Strictness, Token, Value};
use super::{Encryption, ValidationReport};
use crate::upload::UploadFile;

/// The types that a setter takes for a field of type `T`.
///
/// | field | takes |
/// |---|---|
/// | `String` | everything that is `Into<String>`: `&str`, `String`, `&String`, `Cow<str>`, `Box<str>`, `char`, ... |
/// | `i64` | every integer: `i32`, `u32`, `i64`, `u64`, `usize`, ..., and money as [`Fen`](super::Fen); a `bool` compiles, and is never sent |
/// | [`Number`] | every integer up to 64 bits, and `f64` |
/// | an enumeration | a value of it, or its word: `"NORMAL"` |
/// | [`Time`](super::Time) | [`SystemTime`](std::time::SystemTime), text, and with features the types of `jiff`, `time` and `chrono` |
/// | [`Sensitive`](super::Sensitive) | text, which is taken as plain text |
/// | a struct | a value of it |
/// | `Vec<T>` | everything that iterates over such values or references to them: `[..]`, `&[..]`, `Vec<&str>`, iterators |
///
/// A number that does not fit (a `u64` above `i64::MAX`, a fraction that is not finite) is never sent as another one: the
/// request fails its check, and is not sent, with the path of the field in the error.
///
/// An `Option` is taken by `maybe`, which each request has:
///
/// ```
/// # #[cfg(feature = "marketing")] {
/// use weipay::v3::marketing::busifavor::stocks::post::Request;
///
/// let note: Option<&str> = None;
/// let request = Request::new().stock_name("8月1日活动券").maybe(note, Request::comment);
/// assert_eq!(request.comment, None);
/// # }
/// ```
///
/// The element type of an empty array cannot be inferred: write `Vec::<GoodsDetail>::new()`.
///
/// No other crate can implement this trait. For a type of your own, implement `From` for the type of the field.
pub trait IntoField<T> {
    #[doc(hidden)]
    fn into_field(self, _: Seal) -> Result<T, Violation>;
}

/// The types that a setter takes as an item of an array of `T`: see [`IntoField`].
pub trait IntoItem<T> {
    #[doc(hidden)]
    fn into_item(self, _: Seal) -> Result<T, Violation>;
}

/// No other crate can name it, so no other crate can implement the traits.
#[derive(Debug)]
pub struct Seal;

/// How setters take a type of fields, its [`Value::Intake`]: whatever is `Into` it.
#[derive(Debug)]
pub struct Direct;

/// As [`Direct`]; members of an array may also be texts.
#[derive(Debug)]
pub struct FromText;

/// By rules for this type.
#[derive(Debug)]
pub struct Converted;

/// The ways that take whatever is `Into` the type.
pub trait ByInto {}

impl ByInto for Direct {}
impl ByInto for FromText {}

impl<T: Value<Intake: ByInto>, V: Into<T>> IntoField<T> for V {
    #[inline]
    fn into_field(self, _: Seal) -> Result<T, Violation> {
        Ok(self.into())
    }
}

impl<V: TryInto<i64>> IntoField<i64> for V {
    #[inline]
    fn into_field(self, _: Seal) -> Result<i64, Violation> {
        // The standard library makes a number of it, and an amount of `true` is a mistake. No bound leaves out this type alone.
        if type_name::<V>() == type_name::<bool>() {
            return Err(not_a_number());
        }
        self.try_into().map_err(|_| too_large())
    }
}

impl<T, I: IntoIterator<Item: IntoItem<T>>> IntoField<Vec<T>> for I {
    fn into_field(self, seal: Seal) -> Result<Vec<T>, Violation> {
        self.into_item(seal)
    }
}

impl<T: Value<Intake: ByInto>> IntoItem<T> for T {
    #[inline]
    fn into_item(self, _: Seal) -> Result<T, Violation> {
        Ok(self)
    }
}

impl<T: Value<Intake: ByInto>> IntoItem<T> for &T {
    #[inline]
    fn into_item(self, _: Seal) -> Result<T, Violation> {
        Ok(self.clone())
    }
}

impl<T, I: IntoIterator<Item: IntoItem<T>>> IntoItem<Vec<T>> for I {
    fn into_item(self, _: Seal) -> Result<Vec<T>, Violation> {
        let members = self.into_iter().enumerate();
        members.map(|(index, member)| member.into_item(Seal).map_err(|problem| problem.at(index))).collect()
    }
}

macro_rules! text_items {
    ($($kind:ty),*) => {$(
        impl IntoItem<String> for $kind {
            #[inline]
            fn into_item(self, _: Seal) -> Result<String, Violation> {
                Ok(self.to_string())
            }
        }
    )*};
}
text_items!(&str, &&str, Cow<'_, str>, &Cow<'_, str>, Box<str>, char);

macro_rules! word_items {
    ($($kind:ty),*) => {$(
        impl<T: Value<Intake = FromText> + for<'a> From<&'a str>> IntoItem<T> for $kind {
            #[inline]
            fn into_item(self, _: Seal) -> Result<T, Violation> {
                let text: &str = self.as_ref();
                Ok(text.into())
            }
        }
    )*};
}
word_items!(&str, &&str, &String, Cow<'_, str>, Box<str>);

impl<T: Value<Intake = FromText> + From<Self>> IntoItem<T> for String {
    #[inline]
    fn into_item(self, _: Seal) -> Result<T, Violation> {
        Ok(self.into())
    }
}

macro_rules! integers {
    ($($kind:ty),*) => {$(
        impl IntoItem<i64> for $kind {
            #[inline]
            fn into_item(self, seal: Seal) -> Result<i64, Violation> {
                self.into_field(seal)
            }
        }

        impl IntoItem<i64> for &$kind {
            #[inline]
            fn into_item(self, seal: Seal) -> Result<i64, Violation> {
                (*self).into_field(seal)
            }
        }
    )*};
}
integers!(i8, u8, i16, u16, i32, u32, i64, u64, i128, u128, isize, usize);

macro_rules! numbers {
    ($($kind:ty),*) => {$(
        impl IntoField<Number> for $kind {
            #[inline]
            fn into_field(self, _: Seal) -> Result<Number, Violation> {
                Ok(self.into())
            }
        }
    )*};
}
numbers!(i8, u8, i16, u16, i32, u32, i64, u64, isize, usize, Number);

impl IntoField<Number> for f64 {
    #[inline]
    fn into_field(self, _: Seal) -> Result<Number, Violation> {
        Number::from_f64(self).ok_or_else(|| Violation::new("is not a finite number"))
    }
}

#[cold]
fn too_large() -> Violation {
    Violation::new(format!("is out of range: {} to {}", i64::MIN, i64::MAX))
}

#[cold]
fn not_a_number() -> Violation {
    Violation::new("is a number, and was given as a boolean".to_owned())
}

/// Values of setters that do not fit their fields. They keep the request from being sent.
#[derive(Debug, Clone, Default)]
pub struct UnfitValues(Vec<(&'static str, Violation)>);

impl UnfitValues {
    /// All of them, with the names that their fields have on the wire.
    fn violations(&self, fields: &[Field]) -> impl Iterator<Item = Violation> {
        self.0.iter().map(|(name, problem)| {
            let field = fields.iter().find(|field| letters(field.name).eq(letters(name)));
            problem.clone().within(field.map_or(*name, |field| field.name))
        })
    }
}

/// Values of a model's setters that do not fit.
pub(super) fn unfit_values(model: &dyn Model) -> Vec<Violation> {
    let mut found = Vec::new();
    model.read(&mut |table, slots| {
        if let Some(unfit) = slots.last().and_then(|slot| slot.unfit()) {
            found.extend(unfit.violations(table.fields));
        }
    });
    found
}

/// Where setters keep them: a slot after the fields, which has no row, and so is only copied.
impl Slot for UnfitValues {
    fn fill(&mut self, _: Token<'_>, _: Strictness) -> Result<Container<'_>, &'static str> {
        Ok(Container::Complete)
    }

    fn is_set(&self) -> bool {
        false
    }

    fn file(&self) -> Option<&UploadFile> {
        None
    }

    fn json(&self, _: Encryption<'_>) -> Result<Option<Json>, Violation> {
        Ok(None)
    }

    fn check(&self, _: &Field) -> Result<(), Violation> {
        Ok(())
    }

    fn inspect(&self, _: &Field) -> ValidationReport {
        ValidationReport::default()
    }

    fn copy_to(&self, other: &mut dyn Any) {
        if let Some(other) = other.downcast_mut::<Self>() {
            other.clone_from(self);
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn unfit(&self) -> Option<&UnfitValues> {
        Some(self)
    }
}

/// A field's name in Rust and on the wire have the same letters and digits: `type_` and `type`, `fee_n` and `fee_$n`.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// Sets a field: the body of every setter.
pub(crate) fn set<T, V: IntoField<T>>(
    field: &mut Option<T>,
    unfit: &mut UnfitValues,
    name: &'static str,
    value: V,
) {
    // A value that is set again replaces the earlier one, and its problem.
    if !unfit.0.is_empty() {
        unfit.0.retain(|(known, _)| *known != name);
    }
    *field = match value.into_field(Seal) {
        Ok(value) => Some(value),
        Err(problem) => {
            unfit.0.push((name, problem));
            None
        }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::model::sensitive::json;
    use crate::model::value::check;
    use crate::model::{Encryption, JsonText, Sensitive, Time, body, open_enum, request};
    use crate::request::encoding::encode;

    open_enum! {
        /// A bank.
        pub enum Bank {
            Icbc = "ICBC",
        }
    }

    request! {
        /// A request.
        pub struct Request {
            /// Text.
            name: String = body("name"),
            /// Whole.
            type_: i64 = body("type"),
            /// With a fraction.
            share: Number = body("share"),
            /// A word.
            bank: Bank = body("bank"),
            /// A time.
            at: Time = body("at"),
            /// Encrypted.
            phone: Sensitive = body("phone").encrypted(),
            /// Texts.
            names: Vec<String> = body("names"),
            /// Whole numbers.
            fees: Vec<i64> = body("fees"),
            /// Words.
            banks: Vec<Bank> = body("banks"),
            /// Objects.
            goods: Vec<Goods> = body("goods"),
            /// Rows.
            rows: Vec<Vec<String>> = body("rows"),
            /// As text.
            ids: JsonText<Vec<String>> = body("ids"),
        }

        /// An object.
        pub struct Goods {
            /// Its number.
            id: i64 = body("id"),
        }
    }

    fn sent(request: &Request) -> String {
        check(request).unwrap();
        json(request).unwrap().to_string()
    }

    fn refused(request: &Request) -> (String, String) {
        let problem = check(request).unwrap_err();
        assert_eq!(encode(request, Encryption::AsSet).unwrap_err(), problem, "even where nothing is checked");
        assert!(serde_json::to_string(request).is_err());
        (problem.path, problem.rule)
    }

    #[test]
    fn an_integer_field_takes_every_integer_that_fits() {
        let request = Request::new;
        for given in [
            request().type_(7),
            request().type_(7_u8),
            request().type_(7_i8),
            request().type_(7_u16),
            request().type_(7_u32),
            request().type_(7_i64),
            request().type_(7_u64),
            request().type_(7_usize),
            request().type_(7_isize),
            request().type_(7_u128),
            request().type_(crate::model::Fen::new(7)),
        ] {
            assert_eq!(sent(&given), r#"{"type":7}"#);
        }
        assert_eq!(sent(&request().type_(u64::MAX / 2)), r#"{"type":9223372036854775807}"#);
    }

    #[test]
    fn a_boolean_is_no_number() {
        let (path, rule) = refused(&Request::new().type_(true));
        assert_eq!((&*path, &*rule), ("type", "is a number, and was given as a boolean"));
    }

    #[test]
    fn a_number_that_does_not_fit_is_an_error_with_its_path() {
        for request in [
            Request::new().type_(u64::MAX),
            Request::new().type_(1).type_(u128::MAX),
            Request::new().type_(usize::MAX),
        ] {
            assert_eq!(request.type_, None);
            let (path, rule) = refused(&request);
            assert_eq!((path.as_str(), rule.starts_with("is out of range")), ("type", true), "{rule}");
        }
        assert_eq!(refused(&Request::new().fees([1, u64::MAX])).0, "fees[1]");
        assert_eq!(
            refused(&Request::new().goods([Goods::new(), Goods::new().id(u64::MAX)])).0,
            "goods[1].id"
        );
        assert_eq!(
            refused(&Request::new().share(f64::NAN)),
            ("share".into(), "is not a finite number".into())
        );
        assert_ne!(Request::new().type_(u64::MAX), Request::new(), "what is lost is not nothing");

        // A later value takes the place of the one that did not fit.
        assert_eq!(sent(&Request::new().type_(u64::MAX).share(1.5).type_(2)), r#"{"type":2,"share":1.5}"#);
    }

    #[test]
    fn a_text_field_takes_every_form_of_a_text() {
        let owned = "券".to_owned();
        for given in [
            Request::new().name("券"),
            Request::new().name(&owned),
            Request::new().name(Cow::Borrowed("券")),
            Request::new().name(Box::<str>::from("券")),
            Request::new().name('券'),
            Request::new().name(owned),
        ] {
            assert_eq!(sent(&given), r#"{"name":"券"}"#);
        }
    }

    #[test]
    fn an_enumeration_takes_its_word_as_any_text() {
        let owned = "ICBC".to_owned();
        for given in [
            Request::new().bank(Bank::Icbc),
            Request::new().bank("ICBC"),
            Request::new().bank(&owned),
            Request::new().bank(Cow::Borrowed("ICBC")),
            Request::new().bank(owned),
        ] {
            assert_eq!(given.bank, Some(Bank::Icbc));
        }
        assert_eq!(serde_json::to_string(&[Bank::Icbc, Bank::from("NEW")]).unwrap(), r#"["ICBC","NEW"]"#);
    }

    #[test]
    fn an_array_takes_arrays_slices_vectors_and_iterators() {
        let expected = r#"{"names":["a","b"]}"#;
        let owned = ["a".to_owned(), "b".to_owned()];
        let (texts, set) = (vec!["a", "b"], BTreeSet::from(["b", "a"]));
        for given in [
            Request::new().names(["a", "b"]),
            Request::new().names(["a", "b"]),
            Request::new().names(&owned),
            Request::new().names(&owned[..]),
            Request::new().names(&texts),
            Request::new().names(set),
            Request::new().names("a b".split(' ')),
            Request::new().names(owned.iter().map(Cow::from)),
            Request::new().names(texts),
            Request::new().names(owned.to_vec()),
        ] {
            assert_eq!(sent(&given), expected);
        }
        let goods = [Goods::new().id(1), Goods::new().id(2)];
        for given in [
            Request::new().goods(&goods),
            Request::new().goods(goods.iter().filter(|_| true)),
            Request::new().goods((1..=2).map(|id| Goods::new().id(id))),
            Request::new().goods(goods.to_vec()),
        ] {
            assert_eq!(given.goods.as_deref(), Some(&goods[..]));
        }
        assert_eq!(sent(&Request::new().fees([1_u32, 2])), r#"{"fees":[1,2]}"#);
        assert_eq!(sent(&Request::new().banks(["ICBC"]).banks(vec![Bank::Icbc])), r#"{"banks":["ICBC"]}"#);
        assert_eq!(sent(&Request::new().banks(["ICBC"])), r#"{"banks":["ICBC"]}"#);
        assert_eq!(sent(&Request::new().rows([["a"], ["b"]])), r#"{"rows":[["a"],["b"]]}"#);
        assert_eq!(sent(&Request::new().rows(vec![vec!["a".to_owned()]])), r#"{"rows":[["a"]]}"#);
        assert_eq!(sent(&Request::new().ids(["a", "b"])), r#"{"ids":"[\"a\",\"b\"]"}"#);
        assert_eq!(sent(&Request::new().ids(vec!["a".to_owned()])), r#"{"ids":"[\"a\"]"}"#);
        assert_eq!(sent(&Request::new().goods(Vec::<Goods>::new())), r#"{"goods":[]}"#);
    }

    #[test]
    fn an_option_is_set_where_it_has_a_value() {
        let request =
            Request::new().name("kept").maybe(None::<&str>, Request::name).maybe(Some(3_u64), Request::type_);
        let request = request.maybe(Some(["a"]), Request::names).maybe(Some("ICBC"), Request::bank);
        assert_eq!(sent(&request), r#"{"name":"kept","type":3,"bank":"ICBC","names":["a"]}"#);
        assert_eq!(refused(&Request::new().maybe(Some(u64::MAX), Request::type_)).0, "type");
    }

    #[test]
    fn times_and_sensitive_texts_take_what_is_near() {
        let at = UNIX_EPOCH + Duration::from_secs(1_432_099_775);
        let text = r#"{"at":"2015-05-20T13:29:35+08:00"}"#;
        assert_eq!(sent(&Request::new().at(at)), text);
        assert_eq!(sent(&Request::new().at("2015-05-20T13:29:35+08:00".to_owned())), text);
        let phone = Request::new().phone(Cow::Borrowed("13800138000")).phone.unwrap();
        assert_eq!(phone.as_plain_text(), Some("13800138000"));
    }
}
