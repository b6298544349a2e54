//! Paged lists over real sockets, in both styles and with both clients.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Waker};

use futures_core::Stream;
use serde_json::{Value, json};
use weipay::http::Method;
use weipay::paging::{PageCursor, PageError, Pages};
use weipay::v3::marketing::favor::stocks::get::Request;

use crate::platform::{Platform, Scripted, signed, unsigned};

const LIST: &str = "v3/marketing/membercard-open/cards";

/// A page of a list whose items are numbers.
fn page(items: std::ops::Range<u64>, total: Option<u64>) -> Scripted {
    let items: Vec<Value> = items.map(|card| json!({"card_id": card.to_string()})).collect();
    let mut body = json!({ "data": items });
    if let Some(total) = total {
        body["total_count"] = total.into();
    }
    signed(200, &body.to_string())
}

fn targets(platform: &Platform, count: usize) -> Vec<String> {
    (0..count)
        .map(|_| {
            platform.seen().target.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default()
        })
        .collect()
}

#[test]
fn a_list_is_read_to_its_end_and_not_further() {
    let platform = Platform::start(vec![page(0..2, Some(5)), page(2..4, None), page(4..5, None)]);
    let client = platform.builder().build_blocking().unwrap();
    let items = client[LIST].query("limit", 2).pages().items();
    let cards: Vec<String> =
        items.map(|card| card.unwrap()["card_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(cards, ["0", "1", "2", "3", "4"]);
    assert_eq!(targets(&platform, 3), ["limit=2&offset=0", "limit=2&offset=2", "limit=2&offset=4"]);
    assert!(!platform.saw_more());
}

#[tokio::test]
async fn the_async_client_reads_page_after_page() {
    let platform = Platform::start(vec![page(0..2, Some(3)), page(2..3, Some(3))]);
    let client = platform.builder().build().unwrap();
    let mut pages = client[LIST].query("limit", 2).pages();
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!((first.items().len(), first.total()), (2, Some(3)));
    assert!(first.response().is_verified());
    // A future that is dropped before it was polled asked for nothing.
    drop(pages.next());
    assert_eq!(pages.next().await.unwrap().unwrap().items()[0]["card_id"], "2");
    assert!(pages.next().await.is_none() && pages.next().await.is_none());
    assert_eq!(targets(&platform, 2).len(), 2);
}

/// What any function does that takes a stream.
async fn next_of<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

#[tokio::test]
async fn pages_and_items_are_streams() {
    let platform = Platform::start(vec![page(0..2, Some(3)), page(2..3, Some(3))]);
    let client = platform.builder().build().unwrap();
    let mut pages = client[LIST].query("limit", 2).pages();
    for expected in [2, 1] {
        assert_eq!(next_of(&mut pages).await.unwrap().unwrap().items().len(), expected);
    }
    assert!(next_of(&mut pages).await.is_none() && next_of(&mut pages).await.is_none());

    let refused = unsigned(404, r#"{"code":"NOT_FOUND","message":"x"}"#);
    let platform = Platform::start(vec![page(0..2, Some(3)), refused, page(2..3, Some(3))]);
    let client = platform.builder().build().unwrap();
    let mut items = client[LIST].query("limit", 2).pages().items();
    let mut told = Vec::new();
    while let Some(item) = next_of(&mut items).await {
        told.push(item.map_or_else(|error| error.to_string(), |item| item["card_id"].to_string()));
    }
    assert!(told[2].contains("NOT_FOUND"), "{told:?}");
    told.remove(2);
    assert_eq!(told, ["\"0\"", "\"1\"", "\"2\""]);
}

#[tokio::test]
async fn a_stream_keeps_the_call_that_waits() {
    let platform = Platform::start(vec![page(0..2, Some(3)), page(2..3, Some(3))]);
    let client = platform.builder().build().unwrap();
    let mut pages = client[LIST].query("limit", 2).pages();
    let polled_once = |pages: &mut Pages<_>| {
        Pin::new(pages).poll_next(&mut Context::from_waker(Waker::noop())).is_pending()
    };
    assert!(polled_once(&mut pages));
    assert_eq!(next_of(&mut pages).await.unwrap().unwrap().items().len(), 2);
    assert!(polled_once(&mut pages));
    // `next` asks again: it never gives a page that was asked for long ago.
    assert_eq!(pages.next().await.unwrap().unwrap().items()[0]["card_id"], "2");
    assert!(pages.next().await.is_none());
    assert!(targets(&platform, 2)[1].contains("offset=2"));
}

/// Pages may be kept in what several threads share.
#[test]
fn pages_are_send_and_sync() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let platform = Platform::start(Vec::new());
    is_shared(&platform.builder().build().unwrap()[LIST].pages());
    is_shared(&platform.builder().build_blocking().unwrap()[LIST].pages());
}

#[test]
fn a_typed_list_counts_pages_where_the_official_page_says_so() {
    let platform = Platform::start(vec![
        signed(200, r#"{"total_count":3,"data":[{"stock_id":"1"},{"stock_id":"2"}]}"#),
        signed(200, r#"{"total_count":3,"data":[{"stock_id":"3"}]}"#),
    ]);
    let client = platform.builder().build_blocking().unwrap();
    let request = Request::new().offset(0).limit(2).stock_creator_mchid("1900000001");
    let pages = client.v3().marketing().favor().stocks().pages(request);
    let stocks: Vec<String> =
        pages.items_by(|page| page.data).map(|stock| stock.unwrap().stock_id.unwrap()).collect();
    assert_eq!(stocks, ["1", "2", "3"]);
    let asked = targets(&platform, 2);
    assert!(asked[0].contains("offset=0") && asked[1].contains("offset=1"), "{asked:?}");
}

#[test]
fn a_page_that_the_query_of_a_path_names_is_the_first_and_is_named_once() {
    let platform = Platform::start(vec![page(10..12, Some(13)), page(12..13, None)]);
    let client = platform.builder().build_blocking().unwrap();
    let items = client.chain(&format!("{LIST}?o%66fset=10&limit=2")).pages().items();
    let cards: Vec<_> = items.map(|card| card.unwrap()["card_id"].clone()).collect();
    assert_eq!(cards, ["10", "11", "12"]);
    assert_eq!(targets(&platform, 2), ["limit=2&offset=10", "limit=2&offset=12"]);
}

#[test]
fn a_page_with_something_else_in_place_of_its_list_is_an_error() {
    let odd =
        [r#"{"data":{"card_id":"1"},"total_count":1}"#, r#"{"data":"[]","total_count":1}"#, r#"{"data":7}"#];
    let platform = Platform::start(odd.iter().map(|body| signed(200, body)).collect());
    let client = platform.builder().build_blocking().unwrap();
    let items: Vec<_> = client[LIST].pages().items().collect();
    assert_eq!(items.len(), odd.len(), "each is asked for again");
    for item in items {
        let error = item.unwrap_err().to_string();
        assert!(error.contains("`data`: expected an array"), "{error}");
    }
    let empty = [r#"{"data":null,"total_count":0}"#, r#"{"limit":20}"#].map(|body| signed(200, body));
    let platform = Platform::start(empty.to_vec());
    let client = platform.builder().build_blocking().unwrap();
    for _ in 0..2 {
        assert_eq!(client[LIST].pages().items().count(), 0);
    }
    // An empty list that has not even its limit is none: a coupon that seems not to be there is sent again.
    let platform = Platform::start(vec![signed(200, "{}")]);
    let client = platform.builder().retries(weipay::RetryConfig::none()).build_blocking().unwrap();
    assert!(client[LIST].pages().next().unwrap().is_err());
}

#[test]
fn a_token_leads_from_page_to_page() {
    let platform = Platform::start(vec![
        signed(200, r#"{"total_count":2,"next_page_token":"b/1","stock_list":[{"stock_id":"1"}]}"#),
        signed(200, r#"{"total_count":2,"stock_list":[{"stock_id":"2"}]}"#),
    ]);
    let client = platform.builder().build_blocking().unwrap();
    let path = "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks";
    let pages = client.chain(path).path("product_coupon_id", "7").query("page_size", 1).pages();
    assert_eq!(pages.map(|page| page.unwrap().items().len()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(targets(&platform, 2), ["page_size=1", "page_size=1&page_token=b%2F1"]);
}

#[test]
fn a_page_is_named_in_a_body_too() {
    let platform = Platform::start(vec![
        signed(200, r#"{"total_num":3,"risk_trade_list":[{},{}]}"#),
        signed(200, r#"{"total_num":3,"risk_trade_list":[{}]}"#),
    ]);
    let client = platform.builder().build_blocking().unwrap();
    let call = client.chain("v3/merchant-risk-manage/ec-trade-risk/query-risk-trades");
    let pages = call.pages_with(Method::POST, json!({"page_index": 1, "page_size": 2}));
    assert_eq!(pages.map(|page| page.unwrap().items().len()).collect::<Vec<_>>(), [2, 1]);
    for index in [1, 2] {
        let body: Value = serde_json::from_slice(&platform.seen().body).unwrap();
        assert_eq!(body, json!({"page_index": index, "page_size": 2}));
    }
}

#[test]
fn a_page_that_fails_is_told_and_is_the_next_one_again() {
    let refused = unsigned(404, r#"{"code":"NOT_FOUND","message":"x"}"#);
    let platform = Platform::start(vec![page(0..2, Some(3)), refused, page(2..3, Some(3))]);
    let client = platform.builder().build_blocking().unwrap();
    let mut pages = client[LIST].query("limit", 2).pages();
    assert!(pages.next().unwrap().is_ok());
    let error = pages.next().unwrap().unwrap_err();
    assert_eq!(error.as_call_error().unwrap().code(), Some("NOT_FOUND"));
    assert_eq!(pages.cursor(), Some(&PageCursor::Offset(2)));
    assert_eq!(pages.next().unwrap().unwrap().items().len(), 1);
    assert!(pages.next().is_none());
}

/// A list that seems to end there would miss items, and nobody would know.
#[test]
fn a_page_that_was_only_accepted_or_is_empty_is_not_the_end_of_a_list() {
    let accepted = || signed(202, "");
    for no_page in [accepted(), signed(200, ""), signed(202, "{}")] {
        let status = no_page.status();
        let platform = Platform::start(vec![page(0..2, None), no_page, page(2..3, None)]);
        let client = platform.builder().retries(weipay::RetryConfig::none()).build_blocking().unwrap();
        let mut pages = client[LIST].query("limit", 2).pages();
        assert!(pages.next().unwrap().is_ok());
        let error = pages.next().unwrap().unwrap_err();
        let is_no_page = matches!(&error, PageError::NoPage(seen) if seen.as_u16() == status);
        // What was not only accepted is none of a list.
        let is_none_of_a_list = error.as_call_error().is_some_and(weipay::Error::is_unverified);
        assert!(if status == 200 { is_none_of_a_list } else { is_no_page }, "{error}");
        assert_eq!(pages.cursor(), Some(&PageCursor::Offset(2)));
        assert_eq!(pages.next().unwrap().unwrap().items().len(), 1);
    }
    let platform = Platform::start((0..9).map(|_| accepted()).collect());
    let client = platform.builder().retries(weipay::RetryConfig::none()).build_blocking().unwrap();
    assert_eq!(client[LIST].query("limit", 2).pages().filter(Result::is_err).count(), 3);
}

#[test]
fn a_program_that_ignores_errors_comes_to_an_end() {
    let refused = unsigned(404, r#"{"code":"NOT_FOUND","message":"x"}"#);
    let platform = Platform::start(vec![refused; 10]);
    let client = platform.builder().build_blocking().unwrap();
    assert_eq!(client[LIST].query("limit", 2).pages().count(), 3);
}

#[test]
fn a_list_without_an_end_and_one_that_ends_early_are_errors() {
    let platform = Platform::start(vec![page(0..2, None), page(0..2, None), page(0..2, None)]);
    let client = platform.builder().build_blocking().unwrap();
    let mut pages = client[LIST].query("limit", 2).pages().max_pages(2);
    assert!(pages.next().unwrap().is_ok() && pages.next().unwrap().is_ok());
    assert!(matches!(pages.next(), Some(Err(PageError::TooManyPages(2)))));
    assert!(pages.next().is_none());

    let platform = Platform::start(vec![page(0..2, Some(5)), page(0..0, Some(5))]);
    let client = platform.builder().build_blocking().unwrap();
    let told: Vec<_> = client[LIST].query("limit", 2).pages().collect();
    assert!(matches!(told[..], [Ok(_), Err(PageError::Incomplete { read: 2, total: 5 })]), "{told:?}");
}

/// A page that came twice, or one that was kept on the way: its items would be counted twice, and others left out.
#[test]
fn another_page_than_the_one_that_was_asked_for_is_not_read() {
    let path = "v3/marketing/busifavor/stocks/{stock_id}/couponcodes";
    let page = |offset: Value| {
        let codes = json!([{"coupon_code": "1"}, {"coupon_code": "2"}]);
        let body = json!({"stock_id": "7", "total_count": 4, "limit": 2, "offset": offset, "data": codes});
        signed(200, &body.to_string())
    };
    let pages = vec![page(json!(0)), page(json!(0)), page(json!("2"))];
    let platform = Platform::start(pages.clone());
    let client = platform.builder().build_blocking().unwrap();
    let mut list = client.chain(path).path("stock_id", "7").query("limit", 2).pages();
    assert_eq!(list.next().unwrap().unwrap().items().len(), 2);
    let error = list.next().unwrap().unwrap_err();
    assert!(matches!(error, PageError::MismatchedPage { requested: 2, received: 0 }), "{error}");
    assert_eq!(list.cursor(), Some(&PageCursor::Offset(2)));
    assert_eq!(list.next().unwrap().unwrap().items().len(), 2);
    assert!(list.next().is_none());

    let platform = Platform::start(pages);
    let client = platform.builder().build().unwrap();
    let mut list = client.chain(path).path("stock_id", "7").query("limit", 2).pages();
    let told = crate::on_async(async { [list.next().await, list.next().await, list.next().await] });
    assert!(
        matches!(&told, [Some(Ok(_)), Some(Err(PageError::MismatchedPage { .. })), Some(Ok(_))]),
        "{told:?}"
    );
}

#[test]
fn a_list_of_tokens_that_ends_before_its_length_is_an_error() {
    let path = "v3/marketing/partner/product-coupon/product-coupons/{product_coupon_id}/stocks";
    let only = r#"{"total_count":9,"next_page_token":"","stock_list":[{"stock_id":"1"}]}"#;
    let platform = Platform::start(vec![signed(200, only)]);
    let client = platform.builder().build_blocking().unwrap();
    let told: Vec<_> = client.chain(path).path("product_coupon_id", "7").pages().collect();
    assert!(matches!(told[..], [Ok(_), Err(PageError::Incomplete { read: 1, total: 9 })]), "{told:?}");
}

#[test]
fn what_is_no_list_is_not_asked_for() {
    let platform = Platform::start(Vec::new());
    let client = platform.builder().build_blocking().unwrap();
    for path in ["v3/certificates", "v3/never/heard/of"] {
        let told: Vec<_> = client[path].pages().collect();
        assert!(matches!(told[..], [Err(PageError::NotPaged)]), "{told:?}");
    }
    assert!(!platform.saw_more());
}
