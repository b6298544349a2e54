//! Whether a label was cut off: an official page puts a link or a code in the middle of its sentence, and what was copied
//! ends before it.

use crate::field::Field;

/// How no whole label ends.
const BROKEN_ENDS: &[&str] = &["的", "为", "是", "符合ISO", "，", "、", "：", "“", "（"];

/// Words that end so and are whole.
const WHOLE_WORDS: &[&str] = &["目的", "行为"];

/// Signs that come in pairs.
const PAIRS: &[(char, char)] =
    &[('“', '”'), ('（', '）'), ('(', ')'), ('《', '》'), ('「', '」'), ('【', '】'), ('[', ']')];

/// What shows that the label was cut off, as the end of a sentence.
pub(super) fn cut_off(field: &Field) -> Option<String> {
    let label = field.label;
    let count = |sign: char| label.matches(sign).count();
    let ends_in = |ends: &'static [&'static str]| ends.iter().find(|end| label.ends_with(**end));
    if let Some(end) = ends_in(BROKEN_ENDS).filter(|_| ends_in(WHOLE_WORDS).is_none()) {
        return Some(format!("ends in {end}"));
    }
    let (open, close) = PAIRS.iter().find(|(open, close)| count(*open) != count(*close))?;
    Some(format!("has not as many {open} as {close}"))
}
