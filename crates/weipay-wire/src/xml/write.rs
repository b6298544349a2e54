//! From elements to text.

use super::{XmlContent, XmlElements, XmlError, is_allowed, is_name};

pub(super) fn write(elements: &XmlElements, root: &str) -> Result<String, XmlError> {
    let mut out = String::with_capacity(256);
    element(&mut out, root, |out| children(out, elements))?;
    Ok(out)
}

fn children(out: &mut String, elements: &XmlElements) -> Result<(), XmlError> {
    for (name, content) in elements.iter() {
        element(out, name, |out| match content {
            XmlContent::Text(text) => value(out, name, text),
            XmlContent::Elements(elements) => children(out, elements),
        })?;
    }
    Ok(())
}

fn element(
    out: &mut String,
    name: &str,
    inside: impl FnOnce(&mut String) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    if !is_name(name) {
        return Err(XmlError::Name);
    }
    out.extend(["<", name, ">"]);
    inside(out)?;
    out.extend(["</", name, ">"]);
    Ok(())
}

fn value(out: &mut String, name: &str, text: &str) -> Result<(), XmlError> {
    if !text.chars().all(is_allowed) {
        return Err(XmlError::Character { element: name.to_owned() });
    }
    if !needs_cdata(text) {
        out.push_str(text);
        return Ok(());
    }
    for (index, line) in text.split('\r').enumerate() {
        if index > 0 {
            out.push_str("&#13;");
        }
        if !line.is_empty() {
            out.push_str("<![CDATA[");
            // The only text that would end the section: it is cut in two.
            out.push_str(&line.replace("]]>", "]]]]><![CDATA[>"));
            out.push_str("]]>");
        }
    }
    Ok(())
}

fn needs_cdata(text: &str) -> bool {
    text.contains(['<', '>', '&', '"', '\'', '\r'])
        || text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut elements = XmlElements::new();
        elements.push("a", text);
        elements.write("xml").unwrap()
    }

    #[test]
    fn a_plain_value_stands_as_it_is() {
        for text in ["", "100", "腾讯充值中心-QQ会员充值", "a  b", "https://a.example/?b=c"] {
            assert_eq!(written(text), format!("<xml><a>{text}</a></xml>"));
        }
    }

    #[test]
    fn markup_and_blanks_at_the_ends_stand_in_cdata() {
        for text in ["a<b", "a>b", "a&b", r#"{"a":1}"#, "it's", " a", "a\n", "\u{3000}a", "\t"] {
            assert_eq!(written(text), format!("<xml><a><![CDATA[{text}]]></a></xml>"));
        }
    }

    #[test]
    fn what_would_end_cdata_is_cut_in_two() {
        assert_eq!(written("a]]>b"), "<xml><a><![CDATA[a]]]]><![CDATA[>b]]></a></xml>");
    }

    #[test]
    fn a_carriage_return_is_numbered_because_readers_make_a_line_feed_of_it() {
        assert_eq!(written("a\r\nb"), "<xml><a><![CDATA[a]]>&#13;<![CDATA[\nb]]></a></xml>");
        assert_eq!(written("\r"), "<xml><a>&#13;</a></xml>");
    }

    #[test]
    fn a_name_that_is_markup_is_refused() {
        for name in ["", "a b", "a><b", "1a", "-a", "a/", "金额", "a:b", &"a".repeat(129)] {
            let mut elements = XmlElements::new();
            elements.push(name, "");
            assert_eq!(elements.write("xml"), Err(XmlError::Name), "{name}");
            assert_eq!(XmlElements::new().write(name), Err(XmlError::Name), "{name}");
        }
    }

    #[test]
    fn a_character_that_xml_has_no_place_for_is_refused_by_the_name_of_its_element() {
        for character in ['\0', '\u{B}', '\u{1B}', '\u{FFFF}'] {
            let mut elements = XmlElements::new();
            elements.push("body", format!("secret{character}"));
            let refusal = elements.write("xml").unwrap_err();
            assert_eq!(refusal, XmlError::Character { element: "body".to_owned() });
            assert!(!refusal.to_string().contains("secret"));
        }
    }
}
