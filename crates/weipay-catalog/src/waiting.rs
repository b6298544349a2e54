//! Waiting (查询): what a client must know to ask for a state until nothing more will change.
//!
//! No page says this in a form that can be copied: which states are final is a judgement about money
//! (`PAYERROR` is not final, because the order can still be revoked; `ABNORMAL` is, because nothing follows
//! without the merchant). So a comment above the line gives the reason where it is not plain, and the linter
//! asks for the line wherever a state can still change.

/// The word of its line in a catalogue file.
pub(crate) const KEY: &str = "wait";

/// What is known about waiting for what an operation queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// It is not known which states are final, or people decide.
    Unknown,
    /// Until one of these states.
    Until(FinalStates),
}

/// When the waiting is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalStates {
    /// What is waited for, which decides how often to ask.
    pub pace: Pace,
    /// The names that lead to the state in the response; empty if being there is all.
    pub state: Vec<&'static str>,
    /// The states that nothing follows, or nothing without an act of the merchant.
    pub finals: Vec<&'static str>,
    /// The errors that say that it is being made.
    pub not_ready: Vec<NotReady>,
    /// Whether a number that is not found may still appear, so that not finding it says nothing.
    pub may_appear: bool,
}

/// An error that says that what is queried is still being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotReady {
    /// Its code.
    pub code: &'static str,
    /// Its official message, where the code says other things too; empty where the code alone says it.
    pub message: &'static str,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// An order (订单).
    Payment,
    /// A refund (退款).
    Refund,
    /// A transfer (转账), or a profit share (分账).
    Transfer,
    /// A bill (账单).
    Bill,
}

impl Pace {
    /// Every word.
    pub const ALL: [Self; 4] = [Self::Payment, Self::Refund, Self::Transfer, Self::Bill];

    /// The word that catalogue files use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Transfer => "transfer",
            Self::Bill => "bill",
        }
    }
}

impl Wait {
    /// Reads what follows the key.
    pub(crate) fn read(text: &'static str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let pace = match parts.next().unwrap_or_default() {
            "unknown" if parts.clone().next().is_none() => return Ok(Self::Unknown),
            word => Pace::ALL.into_iter().find(|pace| pace.word() == word),
        };
        let pace = pace.ok_or_else(|| {
            let words = Pace::ALL.map(Pace::word).join(", ");
            format!("`{text}` should begin with {words}, or be `unknown`")
        })?;
        let (mut state, mut finals, mut not_ready, mut may_appear) =
            (Vec::new(), Vec::new(), Vec::new(), false);
        for part in parts {
            if part == "may appear later" {
                may_appear = true;
            } else if let Some(codes) = part.strip_prefix("not ready: ") {
                not_ready = words(codes).into_iter().map(NotReady::read).collect();
            } else if let Some((path, states)) = part.split_once(": ") {
                (state, finals) = (path.split('.').collect(), words(states));
            } else {
                return Err(format!(
                    "`{part}` should be a field with its final states (`state: SUCCESS | FAIL`), `not ready: CODE` or \
                     `not ready: CODE SENTENCE`, or `may appear later`"
                ));
            }
        }
        Ok(Self::Until(FinalStates { pace, state, finals, not_ready, may_appear }))
    }

    /// The final states, if they are known.
    #[must_use]
    pub const fn final_states(&self) -> Option<&FinalStates> {
        match self {
            Self::Unknown => None,
            Self::Until(states) => Some(states),
        }
    }
}

impl NotReady {
    /// Reads `CODE` or `CODE SENTENCE`.
    fn read(text: &'static str) -> Self {
        let (code, message) = text.split_once(' ').unwrap_or((text, ""));
        Self { code, message: message.trim_start() }
    }
}

/// The words of `A | B`.
fn words(text: &'static str) -> Vec<&'static str> {
    text.split('|').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_waited_for_and_until_when() {
        assert_eq!(Wait::read("unknown"), Ok(Wait::Unknown));
        let bill = FinalStates {
            pace: Pace::Bill,
            state: Vec::new(),
            finals: Vec::new(),
            not_ready: vec![NotReady { code: "STATEMENT_CREATING", message: "" }],
            may_appear: false,
        };
        assert_eq!(Wait::read("bill, not ready: STATEMENT_CREATING"), Ok(Wait::Until(bill)));
        let shared =
            Wait::read("bill, not ready: INVALID_REQUEST 请求的账单正在生成中 | STATEMENT_CREATING").unwrap();
        assert_eq!(
            shared.final_states().unwrap().not_ready,
            [
                NotReady { code: "INVALID_REQUEST", message: "请求的账单正在生成中" },
                NotReady { code: "STATEMENT_CREATING", message: "" },
            ]
        );
        let batch = FinalStates {
            pace: Pace::Transfer,
            state: vec!["transfer_batch", "batch_status"],
            finals: vec!["FINISHED", "CLOSED"],
            not_ready: Vec::new(),
            may_appear: true,
        };
        let line = "transfer, transfer_batch.batch_status: FINISHED | CLOSED, may appear later";
        assert_eq!(Wait::read(line), Ok(Wait::Until(batch)));
    }

    #[test]
    fn what_a_line_cannot_say_is_an_error_that_shows_what_it_can() {
        assert!(Wait::read("").unwrap_err().contains("should begin with payment, refund, transfer, bill"));
        assert!(Wait::read("unknown, state: A").unwrap_err().contains("or be `unknown`"));
        assert!(
            Wait::read("refund, state")
                .unwrap_err()
                .contains("`state` should be a field with its final states")
        );
        assert!(Wait::read("bill, x").unwrap_err().contains("`not ready: CODE SENTENCE`"));
    }
}
