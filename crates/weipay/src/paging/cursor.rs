//! Which page comes next: a pure decision from what the pages before it said.

use crate::error::Error;
use crate::members::Members;
use crate::model::table::Purpose;

/// The position of a page in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageCursor {
    /// How many items come before it.
    Offset(u64),
    /// Its number. Some lists count from 0, and some from 1.
    Number(u64),
    /// The token that the previous page returned; `None` for the first page.
    Token(Option<String>),
}

impl PageCursor {
    /// The value of the field that names the page; `None` for the first page of lists with tokens.
    pub(crate) fn value(&self) -> Option<String> {
        match self {
            Self::Offset(number) | Self::Number(number) => Some(number.to_string()),
            Self::Token(token) => token.clone(),
        }
    }
}

/// Why a list cannot be read further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// The call for a page failed. The next request asks for the same page again.
    #[error(transparent)]
    Call(#[from] Error),
    /// A page was accepted (202) and not sent, or its body is empty. The next request asks for the same page again.
    #[error("the response has status {} and no page: request the page again later", .0.as_u16())]
    NoPage(http::StatusCode),
    /// The catalogue does not know the operation as a list with pages.
    #[error("the catalogue does not list this operation as paginated: call it without paging")]
    NotPaged,
    /// The list ended before all of its items were read.
    #[error(
        "the list has {total} items, but ended after {read}: it changed while it was read, or the operation counts pages \
         and not items"
    )]
    Incomplete {
        /// The number of items that were read.
        read: u64,
        /// The number of items according to the platform.
        total: u64,
    },
    /// An earlier page came than the requested one. The next request asks for the same page again.
    #[error(
        "the page starts at offset {received}, but offset {requested} was requested: do not use its items"
    )]
    MismatchedPage {
        /// The offset in the request.
        requested: u64,
        /// The offset in the response.
        received: u64,
    },
    /// A page names itself as the next page.
    #[error("the page names itself as the next page")]
    NoProgress,
    /// There are more pages than may be read.
    #[error("the list has more than {0} pages, the limit that is set: raise `max_pages`")]
    TooManyPages(u32),
}

impl PageError {
    /// The error of the call, if that is what it is.
    #[must_use]
    pub fn as_call_error(&self) -> Option<&Error> {
        match self {
            Self::Call(error) => Some(error),
            _ => None,
        }
    }
}

/// The facts that a page has about itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) items: u64,
    /// How many items the whole list has.
    pub(super) total: Option<u64>,
    /// The token of the next page.
    pub(super) next: Option<String>,
    /// How many items come before it, by its own words.
    pub(super) offset: Option<u64>,
}

/// The step after a page.
#[derive(Debug)]
pub(super) enum Step {
    More,
    End,
    Broken(PageError),
}

/// The progress of reading a list.
#[derive(Debug)]
pub(super) struct Paging {
    pub(crate) cursor: PageCursor,
    /// How many items a page has at most, if the request says so.
    limit: Option<u64>,
    /// How many items came, those before the first page included; `None` if that is not known.
    read: Option<u64>,
    pub(super) total: Option<u64>,
    /// The error to report in place of the next page.
    pub(super) broken: Option<PageError>,
}

/// The purposes of the fields that name a page.
const CURSORS: [Purpose; 4] =
    [Purpose::PageOffset, Purpose::PageNumber, Purpose::PageIndex, Purpose::PageCursor];

/// The purpose of the field that names a page, if the operation has pages.
pub(super) fn kind_of(places: [Members; 2]) -> Option<Purpose> {
    CURSORS.into_iter().find(|purpose| places.iter().any(|members| members.with_purpose(*purpose).is_some()))
}

impl Paging {
    /// Whether a page says that it is an earlier page than the requested one. A later one may be a number of
    /// the platform's that counts otherwise: some pages call the offset a page number (分页页码).
    pub(super) fn is_another(&self, page: &Facts) -> Option<PageError> {
        match (&self.cursor, page.offset) {
            (PageCursor::Offset(requested), Some(received)) if received < *requested => {
                Some(PageError::MismatchedPage { requested: *requested, received })
            }
            _ => None,
        }
    }

    /// A list that is read from where the request begins. `given` is what the request has in the field with this purpose.
    pub(super) fn begin(kind: Purpose, given: impl Fn(Purpose) -> Option<String>) -> Self {
        let number = |purpose| given(purpose).and_then(|text| text.trim().parse::<u64>().ok());
        let limit = number(Purpose::PageLimit).filter(|limit| *limit > 0);
        let (cursor, read) = match kind {
            Purpose::PageOffset => {
                let offset = number(kind).unwrap_or(0);
                (PageCursor::Offset(offset), Some(offset))
            }
            Purpose::PageNumber | Purpose::PageIndex => {
                let first = u64::from(kind == Purpose::PageNumber);
                let page = number(kind).unwrap_or(first);
                let before = page.saturating_sub(first);
                let read =
                    if before == 0 { Some(0) } else { limit.map(|limit| limit.saturating_mul(before)) };
                (PageCursor::Number(page), read)
            }
            _ => {
                let token = given(kind).filter(|token| !token.is_empty());
                let read = token.is_none().then_some(0);
                (PageCursor::Token(token), read)
            }
        };
        Self { cursor, limit, read, total: None, broken: None }
    }

    /// Takes in a page that came, and decides what follows.
    ///
    /// An offset grows by what came, so that nothing is left out if the platform gives shorter pages than requested.
    pub(super) fn took(&mut self, page: &Facts) -> Step {
        // Some lists say their length on the first page alone.
        self.total = page.total.or(self.total);
        self.read = self.read.map(|read| read.saturating_add(page.items));
        if let PageCursor::Token(token) = &mut self.cursor {
            return match &page.next {
                None => ended(self.read, self.total),
                Some(next) if token.as_ref() == Some(next) => Step::Broken(PageError::NoProgress),
                Some(next) => {
                    *token = Some(next.clone());
                    Step::More
                }
            };
        }
        if page.items == 0 {
            return ended(self.read, self.total);
        }
        match &mut self.cursor {
            PageCursor::Offset(offset) => *offset = offset.saturating_add(page.items),
            PageCursor::Number(number) => *number = number.saturating_add(1),
            PageCursor::Token(_) => {}
        }
        match (self.total, self.read, self.limit) {
            (Some(total), Some(read), _) if read >= total => Step::End,
            (Some(_), Some(_), _) => Step::More,
            // Without a length, a page that is not full is the last one.
            (_, _, Some(limit)) if page.items < limit => Step::End,
            _ => Step::More,
        }
    }
}

/// How a list ends after which nothing comes.
fn ended(read: Option<u64>, total: Option<u64>) -> Step {
    match (read, total) {
        (Some(read), Some(total)) if read < total => Step::Broken(PageError::Incomplete { read, total }),
        _ => Step::End,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(kind: Purpose, limit: Option<u64>) -> Paging {
        Paging::begin(kind, |purpose| {
            limit.filter(|_| purpose == Purpose::PageLimit).map(|limit| limit.to_string())
        })
    }

    fn page(items: u64, total: Option<u64>) -> Facts {
        Facts { items, total, ..Facts::default() }
    }

    #[test]
    fn an_offset_grows_by_what_came_and_ends_at_the_length_of_the_list() {
        let mut list = paging(Purpose::PageOffset, Some(50));
        assert!(matches!(list.took(&page(20, Some(45))), Step::More));
        assert_eq!(list.cursor, PageCursor::Offset(20));
        // Not said again.
        assert!(matches!(list.took(&page(20, None)), Step::More));
        assert!(matches!(list.took(&page(5, None)), Step::End));
    }

    #[test]
    fn without_a_length_a_page_that_is_not_full_is_the_last_one() {
        let mut list = paging(Purpose::PageOffset, Some(2));
        assert!(matches!(list.took(&page(2, None)), Step::More));
        assert!(matches!(list.took(&page(1, None)), Step::End));
        let mut unlimited = paging(Purpose::PageOffset, None);
        assert!(matches!(unlimited.took(&page(2, None)), Step::More));
        assert!(matches!(unlimited.took(&page(0, None)), Step::End));
    }

    #[test]
    fn a_list_that_ends_early_is_not_an_end() {
        let mut list = paging(Purpose::PageOffset, Some(10));
        assert!(matches!(list.took(&page(10, Some(25))), Step::More));
        let ended = list.took(&page(0, Some(25)));
        assert!(matches!(ended, Step::Broken(PageError::Incomplete { read: 10, total: 25 })), "{ended:?}");
        // Items that were deleted meanwhile are not missing.
        let mut list = paging(Purpose::PageOffset, Some(10));
        list.took(&page(10, Some(25)));
        assert!(matches!(list.took(&page(0, Some(10))), Step::End));
    }

    #[test]
    fn numbers_of_pages_begin_where_their_kind_says() {
        for (kind, first) in [(Purpose::PageNumber, 1), (Purpose::PageIndex, 0)] {
            let mut list = paging(kind, Some(2));
            assert_eq!(list.cursor, PageCursor::Number(first));
            assert!(matches!(list.took(&page(2, Some(3))), Step::More));
            assert_eq!(list.cursor, PageCursor::Number(first + 1));
            assert!(matches!(list.took(&page(1, Some(3))), Step::End));
        }
    }

    #[test]
    fn a_token_comes_from_the_page_before_and_never_twice() {
        let mut list = paging(Purpose::PageCursor, None);
        let next =
            |token: &str| Facts { items: 1, total: Some(9), next: Some(token.to_owned()), offset: None };
        assert!(matches!(list.took(&next("a")), Step::More));
        assert_eq!(list.cursor, PageCursor::Token(Some("a".to_owned())));
        assert!(matches!(list.took(&next("a")), Step::Broken(PageError::NoProgress)));
        let ended = list.took(&page(1, Some(9)));
        assert!(matches!(ended, Step::Broken(PageError::Incomplete { read: 3, total: 9 })), "{ended:?}");
        // Nobody knows how many came before a token that the caller has.
        let mut list = Paging::begin(Purpose::PageCursor, |purpose| {
            (purpose == Purpose::PageCursor).then(|| "b".to_owned())
        });
        assert!(matches!(list.took(&page(1, Some(9))), Step::End));
    }

    #[test]
    fn a_list_is_read_on_from_where_the_request_begins() {
        let given = |purpose| match purpose {
            Purpose::PageOffset => Some("40".to_owned()),
            Purpose::PageLimit => Some("20".to_owned()),
            _ => None,
        };
        let mut list = Paging::begin(Purpose::PageOffset, given);
        assert_eq!(list.cursor, PageCursor::Offset(40));
        assert!(matches!(list.took(&page(5, Some(45))), Step::End));
    }
}
