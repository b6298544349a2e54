//! A mask over JSON. Its layout stays as it came, because it is signed.

use weipay_catalog::Field;

use super::{MASK, is_word};

/// How deep JSON is read.
const MAX_DEPTH: usize = 64;

/// JSON with the layout that it came in; `None` if it is not JSON.
pub(crate) fn json_text(text: &[u8], fields: &[Field]) -> Option<String> {
    let mut mask = JsonMask { text, at: 0, out: Vec::with_capacity(text.len()) };
    mask.value(Shown::Members(fields), 0)?;
    mask.blanks();
    if mask.at != text.len() {
        return None;
    }
    String::from_utf8(mask.out).ok()
}

/// A value as it is shown.
#[derive(Clone, Copy)]
enum Shown<'a> {
    /// The members of an object that the catalogue knows.
    Members(&'a [Field]),
    /// A value that is not an object.
    Scalar,
    Nothing,
}

struct JsonMask<'a> {
    text: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl<'a> JsonMask<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn copy(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| {
            self.at += 1;
            self.out.push(byte);
        })
    }

    fn blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            self.out.push(byte);
        }
    }

    /// A string with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at)
    }

    fn value(&mut self, shown: Shown<'_>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        match self.peek()? {
            b'{' => self.object(shown, depth),
            b'[' => self.array(shown, depth),
            b'"' => {
                let text = self.string()?;
                self.scalar(text, shown);
                Some(())
            }
            _ => {
                let start = self.at;
                while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
                    self.at += 1;
                }
                let text = self.text.get(start..self.at).filter(|text| !text.is_empty())?;
                self.scalar(text, shown);
                Some(())
            }
        }
    }

    fn scalar(&mut self, text: &[u8], shown: Shown<'_>) {
        match shown {
            Shown::Scalar => self.out.extend_from_slice(text),
            // Neither tells anything of anybody.
            _ if text == b"null" || text == b"\"\"" => self.out.extend_from_slice(text),
            Shown::Members(_) | Shown::Nothing => self.out.extend_from_slice(b"\"***\""),
        }
    }

    fn array(&mut self, shown: Shown<'_>, depth: usize) -> Option<()> {
        self.copy(b'[')?;
        self.blanks();
        if self.copy(b']').is_some() {
            return Some(());
        }
        loop {
            self.value(shown, depth + 1)?;
            self.blanks();
            if self.copy(b']').is_some() {
                return Some(());
            }
            self.copy(b',')?;
        }
    }

    fn object(&mut self, shown: Shown<'_>, depth: usize) -> Option<()> {
        self.copy(b'{')?;
        self.blanks();
        if self.copy(b'}').is_some() {
            return Some(());
        }
        loop {
            self.blanks();
            let name = self.string()?;
            let name = name.get(1..name.len() - 1)?;
            let field = match shown {
                Shown::Members(fields) => fields.iter().find(|field| field.name.as_bytes() == name),
                Shown::Scalar | Shown::Nothing => None,
            };
            let is_shown = field.is_some() || std::str::from_utf8(name).is_ok_and(is_word);
            self.out.push(b'"');
            self.out.extend_from_slice(if is_shown { name } else { MASK.as_bytes() });
            self.out.push(b'"');
            self.blanks();
            self.copy(b':')?;
            let within = match field {
                Some(field) if field.is_private() => Shown::Nothing,
                Some(field) if !field.fields.is_empty() => Shown::Members(&field.fields),
                Some(_) => Shown::Scalar,
                None => Shown::Nothing,
            };
            self.value(within, depth + 1)?;
            self.blanks();
            if self.copy(b'}').is_some() {
                return Some(());
            }
            self.copy(b',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn json_keeps_its_layout_and_loses_what_is_personal() {
        let fields = &Catalog::embedded().find("POST", "v3/pay/transactions/jsapi").unwrap().request.json;
        let text = br#"{"mchid" : "1900000109", "payer":{"openid":"oUpF8uMuAJO"},
  "amount":{"total": 100,"currency":"CNY"},"notify_url":"https://a.example/secret","salary":5000,"Wang Wei":[true,{"a":"b"}]}"#;
        assert_eq!(
            json_text(text, fields).unwrap(),
            r#"{"mchid" : "1900000109", "payer":{"openid":"***"},
  "amount":{"total": 100,"currency":"CNY"},"notify_url":"***","salary":"***","***":["***",{"a":"***"}]}"#
        );
        for broken in ["", "{", "{\"a\":1", "[1,]", "{} x", "name=Li", "\"\\"] {
            assert_eq!(json_text(broken.as_bytes(), fields), None, "{broken}");
        }
    }

    #[test]
    fn deep_json_is_not_read() {
        assert_eq!(json_text("[".repeat(100_000).as_bytes(), &[]), None);
    }
}
