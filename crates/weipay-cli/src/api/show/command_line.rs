//! The `weipay call` that makes this call.

use weipay_catalog::Operation;
use weipay_catalog::sample::request as sample;
use weipay_catalog::sample::sensitive;

/// The words of the command, or why there is none.
pub(super) fn words(operation: &Operation) -> Result<Vec<String>, &'static str> {
    let request = &operation.request;
    if !request.multipart.is_empty() {
        return Err("`weipay call` cannot send a body of several parts yet");
    }
    let mut words: Vec<String> =
        ["weipay", "call", operation.method, operation.path].map(str::to_owned).to_vec();
    let mut give = |option: &str, text: String| words.extend([option.to_owned(), text]);
    for field in &request.path {
        give("--path", format!("{}={}", field.name, sample::plain(field)));
    }
    for field in sample::required(&request.query) {
        give("--query", format!("{}={}", field.name, sample::plain(field)));
    }
    for field in sample::required(&request.headers) {
        give("--header", format!("{}:{}", field.name, sample::plain(field)));
    }
    // The members become XML elements where the operation is one of APIv2.
    if let Some(body) = [&request.json, &request.xml].into_iter().find(|body| !body.is_empty()) {
        give("--json", sample::object(&sample::wanted(body)).to_string());
    }
    if sensitive::is_in_sample(operation) {
        words.push("--encrypt".to_owned());
    }
    Ok(words)
}

/// The words as a shell reads them.
pub(super) fn quoted(words: &[String]) -> String {
    words.iter().map(|word| quoted_word(word)).collect::<Vec<_>>().join(" ")
}

pub(super) fn quoted_word(word: &str) -> String {
    let harmless = |letter: char| letter.is_alphanumeric() || "-_./:=@%+,{}".contains(letter);
    if !word.is_empty() && word.chars().all(harmless) && !word.contains("{,") {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use weipay_catalog::Catalog;

    use super::*;
    use crate::arguments::{self, Arguments};

    #[test]
    fn every_operation_but_uploads_has_a_command_that_parses() {
        for operation in Catalog::embedded().operations() {
            let Ok(words) = words(operation) else {
                assert!(!operation.request.multipart.is_empty(), "{}", operation.path);
                continue;
            };
            let parsed =
                Arguments::try_parse_from(&words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
            let arguments::Command::Call(call) = parsed.command else { panic!("{words:?}") };
            assert_eq!((call.method.as_str(), call.path.as_str()), (operation.method, operation.path));
            assert_eq!(call.values.len(), operation.placeholders().count(), "{}", operation.path);
            let has_body = !operation.request.json.is_empty() || !operation.request.xml.is_empty();
            assert_eq!(call.json.is_some(), has_body, "{}", operation.path);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_words_as_they_were() {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let catalog = Catalog::embedded();
        let lines: Vec<Vec<String>> =
            catalog.operations().filter_map(|operation| super::words(operation).ok()).collect();
        let script: String =
            lines.iter().map(|words| format!("printf '%s\\0' {}\n", quoted(words))).collect();
        let mut shell = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = shell.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
        let output = shell.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        assert_eq!(read.split_terminator('\0').collect::<Vec<_>>(), lines.concat());
    }
}
