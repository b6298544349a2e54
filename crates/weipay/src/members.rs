//! The members in a row of the table: those that a request may have, which of them are encrypted, and the purpose of some.
//! They are one string, because strings compile fastest: the rows of all operations have 170 KB of them.
//!
//! The text has four places with a `|` between them: path, query, body and response. In a place stand members with a space
//! between them. A member is:
//!
//! - its name;
//! - `*` if every success has it, `+` if that also proves the operation, or `^` if it is one of several proofs, of which every
//!   success has one;
//! - `!` if it is encrypted;
//! - `=` and a letter for its purpose;
//! - `@` and the field of the request that it repeats, if that has another name, or that it may repeat instead of the caller's
//!   number;
//! - its own members in braces, with a `~` before them if they are JSON text.
//!
//! The path, and objects of a response, have only the members that the client acts on. Members that any response may have are
//! not here: they are described once for all operations.

use memchr::{memchr, memchr2, memchr3, memrchr};

use crate::model::table::Purpose;
use crate::operation::Operation;

/// The members of an object, in the catalogue's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Members(&'static str);

/// A member that the catalogue knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// Of a response: whether a success without it is none of the operation.
    pub(crate) is_in_every_success: bool,
    /// Whether it tells a success from responses of other operations about the same.
    pub(crate) is_proof: bool,
    pub(crate) is_encrypted: bool,
    pub(crate) purpose: Option<Purpose>,
    /// The field of the request that it repeats, if its purpose is that, or whose value it may have instead of the caller's number.
    pub(crate) repeats: &'static str,
    /// Whether its own members are JSON text inside a string.
    pub(crate) is_json_text: bool,
    /// Its own members, if they are known.
    pub(crate) members: Option<Members>,
}

impl Purpose {
    /// The purpose that the generator writes as this letter.
    fn from_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'f' => Self::File,
            'n' => Self::FileName,
            's' => Self::FileSha256,
            'm' => Self::FileSm3,
            'o' => Self::PageOffset,
            'l' => Self::PageLimit,
            'p' => Self::PageNumber,
            'x' => Self::PageIndex,
            'c' => Self::PageCursor,
            't' => Self::PageTotal,
            'i' => Self::PageItems,
            'u' => Self::PageNext,
            'e' => Self::Echo,
            'r' => Self::EchoInEveryResponse,
            'w' => Self::MerchantNumber,
            'y' => Self::OtherMerchant,
            'd' => Self::DownloadUrl,
            'a' => Self::DownloadHashType,
            'h' => Self::DownloadHash,
            'k' => Self::DownloadKey,
            'v' => Self::DownloadNonce,
            _ => return None,
        })
    }
}

/// A place of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Body,
    Response,
}

impl Operation {
    /// The members in a place.
    pub(crate) fn members(&self, place: Place) -> Members {
        let mut text = self.members_text();
        for _ in 0..place as usize {
            text = memchr(b'|', text.as_bytes()).map_or("", |bar| &text[bar + 1..]);
        }
        Members(memchr(b'|', text.as_bytes()).map_or(text, |bar| &text[..bar]))
    }

    /// The sensitive fields (敏感信息加密), each written as its place and its path. The place is `path`, `query`, `body` or
    /// `response`. Calls without types encrypt and decrypt them as typed ones do.
    ///
    /// ```
    /// use weipay::{Operation, http::Method};
    ///
    /// let add = Operation::find(&Method::POST, "v3/profitsharing/receivers/add").unwrap();
    /// assert_eq!(add.sensitive_fields(), ["body: name", "response: name"]);
    /// ```
    #[must_use]
    pub fn sensitive_fields(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (place, name) in [
            (Place::Path, "path"),
            (Place::Query, "query"),
            (Place::Body, "body"),
            (Place::Response, "response"),
        ] {
            self.members(place).each_encrypted("", &mut |path| found.push(format!("{name}: {path}")));
        }
        found
    }
}

impl Members {
    pub(crate) const NONE: Self = Self("");

    pub(crate) fn iter(self) -> impl Iterator<Item = Member> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (member, after) = Member::read(rest)?;
            rest = after;
            Some(member)
        })
    }

    /// Those that have a purpose or members of their own: the few that may repeat something of the request. The others are not
    /// read.
    pub(crate) fn with_purpose_or_members(self) -> impl Iterator<Item = Member> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let sign = memchr2(b'=', b'{', rest.as_bytes())?;
            let begin = memrchr(b' ', &rest.as_bytes()[..sign]).map_or(0, |space| space + 1);
            let (member, after) = Member::read(&rest[begin..])?;
            rest = after;
            Some(member)
        })
    }

    /// The member with this name; `coupon_id_$n` is also that of `coupon_id_0`.
    pub(crate) fn get(self, name: &str) -> Option<Member> {
        let mut rest = self.0;
        loop {
            // A member is read only if it may be the one.
            let end = memchr3(b' ', b'{', b'$', rest.as_bytes()).unwrap_or(rest.len());
            if !rest.starts_with(name) && matches!(rest.as_bytes().get(end), None | Some(b' ')) {
                rest = rest.get(end + 1..)?;
                continue;
            }
            let (member, after) = Member::read(rest)?;
            if is_name(member.name, name) {
                return Some(member);
            }
            rest = after;
        }
    }

    /// The member with this purpose, and the objects around it.
    pub(crate) fn with_purpose(self, purpose: Purpose) -> Option<(Vec<Member>, Member)> {
        for member in self.iter() {
            if member.purpose == Some(purpose) {
                return Some((Vec::new(), member));
            }
            if let Some((mut path, found)) = member.members.and_then(|members| members.with_purpose(purpose))
            {
                path.insert(0, member);
                return Some((path, found));
            }
        }
        None
    }

    /// Whether members of an object repeat something of the request, or name the caller.
    pub(crate) fn has_echo(self) -> bool {
        self.0.contains("=e") || self.0.contains("=w")
    }

    pub(crate) fn has_encrypted(self) -> bool {
        self.0.contains('!')
    }

    fn each_encrypted(self, at: &str, tell: &mut dyn FnMut(&str)) {
        for member in self.iter() {
            let path = if at.is_empty() { member.name.to_owned() } else { format!("{at}.{}", member.name) };
            if member.is_encrypted {
                tell(&path);
            }
            if let Some(members) = member.members {
                members.each_encrypted(&path, tell);
            }
        }
    }
}

impl Member {
    /// The first member of a text, and the text after it.
    fn read(text: &'static str) -> Option<(Self, &'static str)> {
        let text = text.trim_ascii_start();
        let is_sign = |byte| matches!(byte, b'*' | b'+' | b'^' | b'!' | b'=' | b'~' | b'{' | b' ');
        let end = text.bytes().position(is_sign).unwrap_or(text.len());
        let (name, mut rest) = text.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
        let mut member = Self {
            name,
            is_in_every_success: false,
            is_proof: false,
            is_encrypted: false,
            purpose: None,
            repeats: name,
            is_json_text: false,
            members: None,
        };
        if let Some(after) = rest.strip_prefix(['*', '+', '^']) {
            member.is_proof = !rest.starts_with('*');
            (member.is_in_every_success, rest) = (!rest.starts_with('^'), after);
        }
        if let Some(after) = rest.strip_prefix('!') {
            (member.is_encrypted, rest) = (true, after);
        }
        if let Some(after) = rest.strip_prefix('=') {
            member.purpose = after.chars().next().and_then(Purpose::from_letter);
            rest = after.get(1..).unwrap_or_default();
        }
        if let Some(after) = rest.strip_prefix('@') {
            (member.repeats, rest) = after.split_at(after.find(['~', '{', ' ']).unwrap_or(after.len()));
        }
        if let Some(after) = rest.strip_prefix('~') {
            (member.is_json_text, rest) = (true, after);
        }
        if let Some(after) = rest.strip_prefix('{') {
            let (inside, after) = after.split_at_checked(closing(after))?;
            member.members = Some(Members(inside));
            rest = after.get(1..).unwrap_or_default();
        }
        Some((member, rest))
    }
}

/// Where the brace is that closes an object.
fn closing(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a name is that of a row, in which `$n` stands for a number. The name may also be written as the row writes it.
pub(crate) fn is_name(row: &str, name: &str) -> bool {
    let Some((before, after)) = row.split_once('$') else { return row == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    let digits = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    // The letter after `$` is a part of the sign.
    row == name || digits > 0 && is_name(after.get(1..).unwrap_or_default(), &rest[digits..])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A letter that the generator writes and this crate does not know would be read and ignored.
    #[test]
    fn every_letter_of_the_table_is_a_purpose_that_is_known_here() {
        let written: BTreeSet<char> = crate::operations()
            .flat_map(|row| row.members_text().split('=').skip(1).filter_map(|rest| rest.chars().next()))
            .collect();
        let known = ('\0'..char::MAX).filter(|letter| Purpose::from_letter(*letter).is_some());
        assert_eq!(written, known.collect());
    }

    #[test]
    fn a_text_is_read_member_by_member() {
        let members = Members("a b*! c=o d~{e f{g!}} h+ i^=e");
        let names: Vec<_> = members.iter().map(|member| member.name).collect();
        assert_eq!(names, ["a", "b", "c", "d", "h", "i"]);
        assert!(members.get("b").unwrap().is_encrypted);
        let in_every_success = members.iter().filter(|member| member.is_in_every_success);
        assert_eq!(in_every_success.map(|member| member.name).collect::<Vec<_>>(), ["b", "h"]);
        assert!(members.iter().filter(|member| member.is_proof).map(|member| member.name).eq(["h", "i"]));
        assert_eq!(members.get("c").unwrap().purpose, Some(Purpose::PageOffset));
        let text = members.get("d").unwrap();
        assert!(
            text.is_json_text && text.members.unwrap().get("f").unwrap().members.unwrap().has_encrypted()
        );
        assert_eq!(members.get("j"), None);
        assert_eq!(members.with_purpose(Purpose::PageOffset).unwrap().1.name, "c");
        let members = Members("a=e b=r@other c{d=e@another e}");
        let repeated: Vec<_> = members.iter().map(|member| (member.name, member.repeats)).collect();
        assert_eq!(repeated, [("a", "a"), ("b", "other"), ("c", "c")]);
        let inside = members.get("c").unwrap().members.unwrap();
        assert!(inside.has_echo() && !Members("b=r c").has_echo());
        assert_eq!(inside.get("d").unwrap().repeats, "another");
    }

    #[test]
    fn members_with_a_purpose_or_members_are_found_without_the_others() {
        for operation in crate::operations() {
            for place in [Place::Path, Place::Query, Place::Body, Place::Response] {
                let members = operation.members(place);
                let all =
                    members.iter().filter(|member| member.purpose.is_some() || member.members.is_some());
                assert!(members.with_purpose_or_members().eq(all), "{operation}");
            }
        }
    }

    #[test]
    fn every_member_of_the_table_is_found_by_its_name() {
        for operation in crate::operations() {
            for place in [Place::Path, Place::Query, Place::Body, Place::Response] {
                let members = operation.members(place);
                for name in members.iter().map(|member| member.name).chain(["", "a", "amount", "coupon_id_0"])
                {
                    let first = members.iter().find(|member| is_name(member.name, name));
                    assert_eq!(members.get(name), first, "{operation}: {name}");
                }
            }
        }
    }

    #[test]
    fn a_numbered_name_is_that_of_each_number() {
        for (row, name, is) in [
            ("coupon_id_$n", "coupon_id_0", true),
            ("coupon_id_$n", "coupon_id_$n", true),
            ("coupon_id_$n", "coupon_id_", false),
            ("coupon_id_$n", "coupon_id_1_2", false),
            ("coupon_id_$n_$m", "coupon_id_1_12", true),
            ("a", "a", true),
            ("a", "b", false),
        ] {
            assert_eq!(is_name(row, name), is, "{row} {name}");
        }
    }
}
