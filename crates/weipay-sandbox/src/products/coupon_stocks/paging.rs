//! Numbers in the query of a list.

use weipay_rules::{Limits, Rules};

use crate::contract::ValidRequest;
use crate::grammar::{Place, Source};
use crate::response::Refusal;

/// A number of the query, which must be within its limits; the default when it is not there.
pub(crate) fn number_of_query(
    request: &ValidRequest,
    name: &str,
    title: &str,
    default: i64,
    min: i64,
    max: i64,
) -> Result<i64, Refusal> {
    let Some(number) = request.query(name).and_then(|text| text.parse::<i64>().ok()) else {
        return Ok(default);
    };
    let pointer = format!("/query/{name}");
    let place = Place { source: Source::Query, pointer: &pointer, title };
    let rules = Rules { limits: Limits::new(Some(min), Some(max)), ..Rules::NONE };
    rules.check_integer(number).map_err(|rule| place.broken(rule, number.into()))?;
    Ok(number)
}
