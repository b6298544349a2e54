//! How much memory a response may take once it is read: JSON of a few megabytes can become gigabytes of values.

use serde_json::Value;

/// The most that a read answer may take, eight times the largest body. The bytes themselves are always at hand.
pub(crate) const MAX_DECODED: usize = 64 * 1024 * 1024;

/// No JSON takes more than this for each of its bytes, see [`Measure`].
const MAX_GROWTH: usize = 170;

/// Why a response was not read.
pub(crate) fn too_large() -> String {
    format!(
        "it would take more than {} MB of memory once read; its bytes are there as they came",
        MAX_DECODED / 1024 / 1024
    )
}

/// Whether a body may be read as any JSON.
pub(crate) fn fits(json: &[u8]) -> bool {
    json.len() <= MAX_DECODED / MAX_GROWTH || measure(json).bytes <= MAX_DECODED
}

/// What JSON becomes, at most, when it is read into a [`Value`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Measure {
    /// Its memory.
    pub(crate) bytes: usize,
    /// How deep its arrays and objects are nested.
    pub(crate) depth: usize,
}

/// Looks at the brackets, commas and colons outside texts. What is not JSON has a measure too.
pub(crate) fn measure(json: &[u8]) -> Measure {
    let (mut objects, mut arrays, mut commas, mut members, mut quotes) = (0, 0, 0, 0, 0);
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => {
                quotes += 1;
                in_text = true;
            }
            b'{' => objects += 1,
            b'[' => arrays += 1,
            b',' => commas += 1,
            b':' => members += 1,
            _ => {}
        }
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    // An array has room for four items at once, and later for up to twice as many as it has. What commas there are beside
    // those between members of objects are between items of arrays.
    let value = size_of::<Value>();
    let items = usize::saturating_sub(commas + objects, members);
    let bytes = json.len()
        + objects * OBJECT
        + members * MEMBER
        + arrays * 4 * value
        + items * 2 * value
        + quotes * ALLOCATION;
    Measure { bytes, depth: deepest }
}

/// An object that is not empty, and a member of it without its text, whichever map serde_json was built with.
const OBJECT: usize = 640;
const MEMBER: usize = 130;

/// What the smallest piece of memory takes.
pub(crate) const ALLOCATION: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_answer_of_the_largest_size_fits() {
        let member = r#""transaction_id":"1217752501201407033233368018","#;
        let object = format!("{{{}\"total\":100}}", member.repeat(20));
        let count = 8 * 1024 * 1024 / (object.len() + 1);
        let body = format!("[{}]", vec![object; count - 1].join(","));
        assert!(body.len() > 8_300_000 && fits(body.as_bytes()));
    }

    #[test]
    fn an_answer_of_small_values_does_not_fit() {
        for piece in ["{},", "[],", "0,", r#"{"":0},"#, r#""","#] {
            let body = format!("[{}0]", piece.repeat(8_000_000 / piece.len()));
            assert!(!fits(body.as_bytes()), "{piece}");
        }
    }

    #[test]
    fn no_json_grows_faster_than_is_said() {
        let deep = format!("[{}0]", format!("{}0{},", "{\"\":".repeat(120), "}".repeat(120)).repeat(50));
        for json in [deep, format!("[{}0]", "{\"\":0},".repeat(5_000)), format!("[{}0]", "[[]],".repeat(500))]
        {
            assert!(measure(json.as_bytes()).bytes < json.len() * MAX_GROWTH, "{}", &json[..20]);
        }
    }

    #[test]
    fn brackets_in_texts_are_text() {
        assert_eq!(measure(br#"["[[[{\"[,:", {}]"#).depth, 2);
        assert_eq!(measure(b"]]}[").depth, 1);
    }
}
