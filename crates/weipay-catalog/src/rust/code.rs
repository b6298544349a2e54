//! Code whose line breaks are decided when it is written: in [`Code::lines`] and nowhere else.

/// As wide as a line of a sample becomes where it can be broken.
pub const WIDTH: usize = 100;

/// The spaces of one level.
const INDENT: usize = 4;

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// What stands on one line, whatever its width.
    Text(String),
    /// An expression followed by calls: on one line where all of them fit, else a call a line.
    Chain(String, Vec<Call>),
    /// Members in brackets, after a word such as `vec!`.
    List(&'static str, Vec<Self>),
    /// The members of an object of `json!`, a member a line.
    Object(Vec<(String, Self)>),
}

/// A link of a chain without the dot before it: `name(argument)`, or a text as it stands, such as `await?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    name: String,
    argument: Option<Code>,
}

impl Call {
    /// A link as it stands.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { name: text.into(), argument: None }
    }

    /// A call with one argument.
    #[must_use]
    pub fn with(name: impl Into<String>, argument: Code) -> Self {
        Self { name: name.into(), argument: Some(argument) }
    }
}

impl Code {
    /// What stands on one line, whatever its width.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The line, or lines, of this code between `before` and `after`, such as `let request = ` and `;`. As rustfmt does it:
    /// what is too long goes to the next line where it fits there, and is broken where it does not.
    #[must_use]
    pub fn lines(&self, level: usize, width: usize, before: &str, after: &str) -> String {
        let after_width = after.trim_end().chars().count();
        let mut out = format!("{:1$}{before}", "", INDENT * level);
        let next_line = self.on_one_line().filter(|line| {
            let line = line.chars().count() + after_width;
            let can_break = matches!(self, Self::Chain(_, calls) if !calls.is_empty());
            out.ends_with("= ")
                && out.chars().count() + line > width
                && (INDENT * (level + 1) + line <= width || !can_break)
        });
        match next_line {
            Some(line) => {
                out.truncate(out.trim_end().len());
                out.push_str(&format!("\n{:1$}{line}", "", INDENT * (level + 1)));
            }
            None => self.write(&mut out, level, width, after_width),
        }
        out.push_str(after);
        out
    }

    /// Writes the code after what is there already. `level` is the indentation of that line; `after` is how many
    /// characters will follow on the last one.
    fn write(&self, out: &mut String, level: usize, width: usize, after: usize) {
        let used = out.rsplit('\n').next().map_or(0, |line| line.chars().count()) + after;
        match (self, self.on_one_line()) {
            (_, Some(line)) if used + line.chars().count() <= width => out.push_str(&line),
            (Self::Text(text), _) => out.push_str(text),
            (Self::Chain(head, calls), _) => {
                out.push_str(head);
                for Call { name, argument } in calls {
                    out.push_str(&format!("\n{:1$}.{name}", "", INDENT * (level + 1)));
                    if let Some(argument) = argument {
                        out.push('(');
                        argument.write(out, level + 1, width, 1 + after);
                        out.push(')');
                    }
                }
            }
            (Self::List(word, members), _) => {
                out.push_str(&format!("{word}["));
                for (index, member) in members.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    member.write(out, level, width, 1 + after);
                }
                out.push(']');
            }
            (Self::Object(members), _) => {
                out.push_str("{\n");
                for (name, value) in members {
                    out.push_str(&value.lines(level + 1, width, &format!("{name:?}: "), ",\n"));
                }
                out.push_str(&format!("{:1$}}}", "", INDENT * level));
            }
        }
    }

    /// The code on one line; nothing where it holds an object, which has a member a line.
    fn on_one_line(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Chain(head, calls) => {
                calls.iter().try_fold(head.clone(), |line, Call { name, argument }| {
                    Some(match argument {
                        None => format!("{line}.{name}"),
                        Some(argument) => format!("{line}.{name}({})", argument.on_one_line()?),
                    })
                })
            }
            Self::List(word, members) => {
                let members: Option<Vec<String>> = members.iter().map(Self::on_one_line).collect();
                Some(format!("{word}[{}]", members?.join(", ")))
            }
            Self::Object(members) => members.is_empty().then(|| "{}".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(links: usize) -> Code {
        Code::Chain("client".to_owned(), vec![Call::new("abcdefghij()"); links])
    }

    #[test]
    fn a_chain_stands_on_one_line_while_it_fits_with_all_that_is_around_it() {
        let line = "let a = client.abcdefghij().abcdefghij();";
        let lines = |width: usize| chain(2).lines(0, width, "let a = ", ";");
        assert_eq!(lines(line.len()), line);
        assert_eq!(lines(line.len() - 1), "let a =\n    client.abcdefghij().abcdefghij();");
        assert_eq!(lines(line.len() - 5), "let a = client\n    .abcdefghij()\n    .abcdefghij();");
    }

    #[test]
    fn what_is_inside_a_broken_chain_is_broken_only_where_it_must_be() {
        let code = Code::Chain(
            "A::new()".to_owned(),
            vec![Call::with("short", chain(1)), Call::with("long", Code::List("vec!", vec![chain(3)]))],
        );
        assert_eq!(
            code.lines(1, 44, "let a = ", ";"),
            "    let a = A::new()\n        .short(client.abcdefghij())\n        .long(vec![client\n            \
             .abcdefghij()\n            .abcdefghij()\n            .abcdefghij()]);"
        );
    }

    #[test]
    fn an_object_has_a_member_a_line() {
        let inner = Code::Object(vec![("b".to_owned(), Code::text("1"))]);
        let code = Code::Object(vec![("a".to_owned(), inner), ("c".to_owned(), Code::Object(Vec::new()))]);
        assert_eq!(
            code.lines(0, WIDTH, "json!(", ");"),
            "json!({\n    \"a\": {\n        \"b\": 1,\n    },\n    \"c\": {},\n});"
        );
    }
}
