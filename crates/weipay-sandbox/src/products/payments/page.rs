//! The page (收银台) on which a person pays with a finger, in any browser and without JavaScript.
//!
//! | address | of what |
//! |---|---|
//! | `/pay/NUMBER` | the number of a `code_url` (after `pr=`) or a `prepay_id`; `weipay sandbox pay --page ORDER` prints it |
//! | `/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=...` | an `h5_url`: path and query are the real ones, and so is the host for a browser that comes by the proxy |
//! | `/pay/page.css` | how they look |
//!
//! It is outside the API: nothing of it is signed or logged, and faults do not meet it. `GET` changes
//! nothing. `POST` pays or cancels as [`Platform::pay`] does, and only from a form of this page: a page of
//! another site cannot read the form's token, and a request under another host name is refused.
//!
//! Where the order names no person and people were made, one of them can be chosen (`person` in the query): the
//! coupons are that person's.

mod html;
mod invoice;

use std::borrow::Cow;
use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use http::header::{ACCEPT, HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::creation::{check_h5_package, code_url, h5_package};
use super::order::TradeType;
use super::person::{BankCard, PaymentError, PaymentFailure, PaymentRequest, find};
use crate::authority::is_official;
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::people::openid::is_openid;
use crate::platform::{Platform, Request};
use crate::products::Pages;
use crate::response::Response;
use crate::v2;
use html::{Message, STYLE};
use invoice::{Invoice, Standing};

const PATH: &str = "/pay/";
const STYLE_PATH: &str = "/pay/page.css";
/// Where an `h5_url` leads, at a host of the platform and here.
const H5_PATH: &str = "/cgi-bin/mmpayweb-bin/checkmweb";
/// A form of the page is not half as long.
const MAX_FORM: usize = 1_024;
/// A longer address to return to is not used.
const MAX_REDIRECT_URL: usize = 2_048;

pub(super) const SHOW_ADDRESS: Route = Route::get(
    "/orders/page",
    "The address of the page where a person pays an order in a browser",
    &[
        Member::text(
            "order",
            "out_trade_no, prepay_id, code_url or h5_url; of a combined order combine_out_trade_no",
        )
        .required(),
        Member::MCHID_OF_NUMBER,
    ],
    show_address,
);

fn show_address(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let order = request.text("order").unwrap_or_default();
    let address = control.platform.pay_page(order, request.text("mchid"))?;
    Ok(json!({ "page": address }))
}

pub(crate) const PAGES: Pages = Pages {
    has: |method, path, headers| is_page(path) || is_lost(method, path, headers),
    respond: Platform::respond_as_page,
    too_long,
};

/// Whether a path is of the page, and not of the API. APIv2 has paths below `/pay/` too.
fn is_page(path: &str) -> bool {
    path == H5_PATH || path == STYLE_PATH || path.strip_prefix(PATH).is_some_and(is_number)
}

/// Whether a browser came to an address at which nothing is: it asks for HTML. What programs send gets the
/// response of the platform, without a body, and is logged.
fn is_lost(method: &str, path: &str, headers: &HeaderMap) -> bool {
    let is_html = |accepted: &HeaderValue| accepted.to_str().is_ok_and(|types| types.contains("text/html"));
    if !headers.get_all(ACCEPT).iter().any(is_html) {
        return false;
    }
    let is_near = path == "/" || path.strip_prefix(PATH).is_some_and(|rest| !rest.contains('/'));
    matches!(method, "GET" | "HEAD") && is_near && !is_page(path) && v2::operation_at(path).is_none()
}

/// Whether it has the form of the number in a `code_url`, or of a `prepay_id`.
fn is_number(text: &str) -> bool {
    let is_known =
        matches!((text.len(), text.get(..2), text.get(7..9)), (9, _, Some("zz")) | (36, Some("wx"), _));
    is_known && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The response to a form that no page of ours sends.
fn too_long() -> Response {
    html::page(413, Message::new("表单太长", "This form is too long.").show())
}

impl Platform {
    /// The address of the page where a person pays an order in a browser, by any of its numbers.
    ///
    /// # Errors
    ///
    /// If there is no such order, it has no page (付款码), or the database fails.
    pub fn pay_page(&self, order: &str, mchid: Option<&str>) -> Result<String, PaymentError> {
        let (trade_type, id) = self.act(|tx, now| {
            let payable = find(tx, order.trim(), mchid)?;
            payable.check_offer(tx, now)?;
            let newest = payable.prepays().last().map(|prepay| prepay.id.clone());
            let id = newest.ok_or_else(|| {
                PaymentError::NotPayable(
                    "an order of 付款码 has no page: the shop scans the person's code".to_owned(),
                )
            })?;
            Ok::<_, PaymentError>((payable.trade_type(), id))
        })?;
        Ok(match trade_type {
            TradeType::Mweb => {
                format!("{}{H5_PATH}?prepay_id={id}&package={}", self.base_url, h5_package(&id))
            }
            _ => format!("{}{PATH}{id}", self.base_url),
        })
    }

    /// The response to a request for the page.
    fn respond_as_page(&self, request: &Request) -> Response {
        self.visit(request).unwrap_or_else(|response| *response)
    }

    fn visit(&self, request: &Request) -> Result<Response, Box<Response>> {
        self.check_host(request)?;
        if is_lost(&request.method, request.path(), &request.headers) {
            let text = match request.path() {
                "/" => {
                    "This is a sandbox of WeChat Pay. `weipay sandbox pay --page ORDER` prints the address of an order's page."
                }
                _ => "No order has this address: `weipay sandbox pay --page ORDER` prints that of an order.",
            };
            return Err(refused(404, "这里没有页面", text));
        }
        if request.path() == STYLE_PATH {
            return Ok(html::style(STYLE));
        }
        let visit = Visit::read(request)?;
        let invoice = self.invoice(&visit)?;
        visit.check_package()?;
        match request.method.as_str() {
            "GET" | "HEAD" => Ok(self.show_page(&visit, &invoice, None)),
            "POST" => self.pay_or_cancel(request, &visit, &invoice),
            _ => Err(refused(405, "方法不对", "This page takes GET and POST.")),
        }
    }

    fn invoice(&self, visit: &Visit) -> Result<Invoice, Box<Response>> {
        let found = self
            .act(|tx, now| Invoice::find(tx, &visit.given(), &visit.number, visit.person.as_deref(), now));
        found.map_err(|error| match error {
            PaymentError::NotFound(_) | PaymentError::NotPayable(_) | PaymentError::WalletIsShort => {
                refused(404, "没有这个订单", "No order has this address.")
            }
            PaymentError::Store(error) => failed(&error.to_string()),
        })
    }

    fn show_page(&self, visit: &Visit, invoice: &Invoice, message: Option<Message>) -> Response {
        let token = match invoice.standing {
            Standing::Open => self.token(visit, invoice),
            Standing::Paid | Standing::Over(_) => None,
        };
        let is_over = message.as_ref().is_some_and(|message| message.ends_visit);
        let leaves = is_over || matches!(invoice.standing, Standing::Paid);
        let redirect_url = visit.redirect_url.as_deref().filter(|_| leaves);
        let status = message.as_ref().map_or(200, |message| message.status);
        let mut body = html::invoice(invoice, token.as_deref(), message.as_ref(), redirect_url);
        if token.is_some() {
            body.offer_people(&invoice.people, &visit.members());
        }
        html::page(status, body)
    }

    /// Pays or cancels, when the form of this page says so.
    fn pay_or_cancel(
        &self,
        request: &Request,
        visit: &Visit,
        invoice: &Invoice,
    ) -> Result<Response, Box<Response>> {
        check_origin(request)?;
        let form = std::str::from_utf8(&request.body).unwrap_or_default();
        if request.body.len() > MAX_FORM {
            return Err(Box::new(too_long()));
        }
        if invoice.standing == Standing::Paid {
            return Ok(html::see_other(&request.target));
        }
        let field = |name: &str| query_value(form, name).unwrap_or_default();
        if matches!(invoice.standing, Standing::Open) {
            let token = self.token(visit, invoice).unwrap_or_default();
            let is_ours = verify_slices_are_equal(field("token").as_bytes(), token.as_bytes()).is_ok();
            if token.is_empty() || !is_ours {
                return Err(refused(
                    403,
                    "请重新打开页面",
                    "This form is not from this page: open the page again.",
                ));
            }
        }
        let mut pays = PaymentRequest::new(visit.given());
        if let Some(person) = invoice.people.iter().find(|person| person.is_chosen) {
            pays = pays.by_person(&person.id);
        }
        let pays = match (&*field("do"), &*field("means")) {
            ("cancel", _) => pays.failing(PaymentFailure::Cancel),
            ("pay", "wallet") => pays.by_wallet(),
            ("pay", "card" | "") => pays,
            ("pay", means) => match BankCard::from_word(means) {
                Some(card) => pays.by_card(card),
                None => {
                    let text = "`means` of the form must be `debit`, `credit`, `card` or `wallet`.";
                    return Err(refused(400, "表单不对", text));
                }
            },
            _ => return Err(refused(400, "表单不对", "The form must say `do=pay` or `do=cancel`.")),
        };
        let message = match self.pay(&pays) {
            // To the page again, which shows that it is paid: to load it again pays nothing.
            Ok(paid) if paid.paid => return Ok(html::see_other(&request.target)),
            Ok(paid) if paid.failure == Some(PaymentFailure::Cancel.word()) => {
                Message { ends_visit: true, ..Message::new("已取消", "Cancelled: nothing was paid.") }
            }
            Ok(paid) => {
                let failure = paid.failure.unwrap_or_default();
                Message { status: 409, ..Message::new("支付失败", &format!("Not paid: {failure}.")) }
            }
            Err(PaymentError::Store(error)) => return Err(failed(&error.to_string())),
            Err(PaymentError::WalletIsShort) => Message {
                status: 409,
                ..Message::new("零钱不足", "Not paid: the wallet has too little money. A bank card pays.")
            },
            Err(error) => {
                Message { status: 409, ..Message::new("支付失败", &format!("Not paid: {error}.")) }
            }
        };
        // As it stands now: another visit may have paid meanwhile.
        let invoice = self.invoice(visit)?;
        Ok(self.show_page(visit, &invoice, Some(message)))
    }

    /// The secret of the form, which no page of another site can know. It is the same on every node and after a restart.
    fn token(&self, visit: &Visit, invoice: &Invoice) -> Option<String> {
        let merchant = self.merchants.find(&invoice.merchant)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, merchant.api_v3_key.as_bytes());
        let tag =
            hmac::sign(&key, format!("weipay sandbox: form of the page of {}", visit.number).as_bytes());
        Some(base16ct::lower::encode_string(tag.as_ref()))
    }

    /// A page of another site can let its own name lead to this machine, and read what it finds there. So the page is shown only
    /// under an address, `localhost`, the sandbox's own name, and names of the platform.
    fn check_host(&self, request: &Request) -> Result<(), Box<Response>> {
        let host = request.header("host").map(name_of).unwrap_or_default();
        let own = self.base_url.split_once("://").map_or("", |(_, rest)| name_of(rest));
        let is_address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        if is_address
            || host.eq_ignore_ascii_case("localhost")
            || is_official(host)
            || (!own.is_empty() && host == own)
        {
            return Ok(());
        }
        Err(refused(
            403,
            "请用 IP 地址打开",
            "Open this page by an IP address or as localhost: a sandbox does not serve it under other names.",
        ))
    }
}

/// A host without its port.
fn name_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => authority,
    }
}

/// Browsers say which page a form is on.
fn check_origin(request: &Request) -> Result<(), Box<Response>> {
    let host = request.header("host").unwrap_or_default();
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    let is_other = |site: &str| !matches!(site, "same-origin" | "none");
    if request.headers.contains_key("origin") && !request.header("origin").is_some_and(is_own)
        || request.header("sec-fetch-site").is_some_and(is_other)
    {
        return Err(refused(403, "请重新打开页面", "This form is on a page of another site."));
    }
    Ok(())
}

fn refused(status: u16, title: &str, text: &str) -> Box<Response> {
    Box::new(html::page(status, Message::new(title, text).show()))
}

fn failed(error: &str) -> Box<Response> {
    refused(500, "沙箱出错", &format!("The sandbox failed: {error}"))
}

/// The values of an address.
struct Visit {
    /// Of a `code_url`, or a `prepay_id`.
    number: String,
    /// Where an H5 page wants the person back.
    redirect_url: Option<String>,
    /// Whether it is the address of an H5 order, which has its number in the query.
    is_h5: bool,
    /// Of an `h5_url`.
    package: Option<String>,
    /// The person who was chosen on the page.
    person: Option<String>,
}

impl Visit {
    fn read(request: &Request) -> Result<Self, Box<Response>> {
        let query = request.query().unwrap_or_default();
        let (number, redirect_url) = match request.path().strip_prefix(PATH) {
            Some(number) => (Cow::Borrowed(number), None),
            None => (query_value(query, "prepay_id").unwrap_or_default(), query_value(query, "redirect_url")),
        };
        if !is_number(&number) {
            return Err(refused(404, "没有这个订单", "No order has this address."));
        }
        let redirect_url = redirect_url.filter(|url| is_web_address(url)).map(Cow::into_owned);
        let person = query_value(query, "person").filter(|id| is_openid(id)).map(Cow::into_owned);
        let is_h5 = request.path() == H5_PATH;
        let package = query_value(query, "package").filter(|_| is_h5).map(Cow::into_owned);
        Ok(Self { number: number.into_owned(), redirect_url, is_h5, package, person })
    }

    fn check_package(&self) -> Result<(), Box<Response>> {
        if !self.is_h5 {
            return Ok(());
        }
        check_h5_package(&self.number, self.package.as_deref())
            .map_err(|reason| refused(400, "链接不完整", reason))
    }

    /// The values of the address besides the chosen person.
    fn members(&self) -> Vec<(&'static str, &str)> {
        let number = self.is_h5.then_some(("prepay_id", self.number.as_str()));
        let package = self.package.as_deref().map(|package| ("package", package));
        let redirect_url = self.redirect_url.as_deref().map(|url| ("redirect_url", url));
        number.into_iter().chain(package).chain(redirect_url).collect()
    }

    /// As it is said when a person pays.
    fn given(&self) -> String {
        if self.number.len() == 9 { code_url(&self.number) } else { self.number.clone() }
    }
}

/// Whether a person can be sent there. What could end an attribute or begin another kind of address is not let through.
fn is_web_address(url: &str) -> bool {
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    });
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'<>\\`".contains(&byte);
    is_web && url.len() <= MAX_REDIRECT_URL && url.bytes().all(is_plain)
}

/// A value of a query or a form, decoded.
fn query_value<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    percent_decode_str(value).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_apiv2_and_of_nothing_are_not_of_the_page() {
        for path in ["/pay/abcdefgzz", "/pay/page.css", H5_PATH, "/pay/wx2015111000000000000000000000000001"]
        {
            assert!(is_page(path), "{path}");
        }
        for path in [
            "/pay/unifiedorder",
            "/pay/orderquery",
            "/pay/closeorder",
            "/pay/micropay",
            "/pay/downloadbill",
            "/pay/",
            "/pay/abcdefgzz/",
            "/pay/wx20151110000000000000000000000000000",
            "/pay/../a/bzz",
            "/v3/pay/transactions/native",
            "/cgi-bin/mmpayweb-bin/checkmweb/",
        ] {
            assert!(!is_page(path), "{path}");
        }
    }

    #[test]
    fn a_browser_that_is_lost_is_told_and_a_program_is_not() {
        let asking = |types: &'static str| HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(types))]);
        let browser = asking("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
        let is_lost = |method, path| is_lost(method, path, &browser);
        for path in ["/", "/pay/doesnotexist", "/pay/"] {
            assert!(is_lost("GET", path) && !is_lost("POST", path), "{path}");
            for program in [HeaderMap::new(), asking("*/*"), asking("application/json")] {
                assert!(!super::is_lost("GET", path, &program), "{path}");
            }
        }
        for path in
            ["/pay/abcdefgzz", "/pay/unifiedorder", "/pay/page.css", "/v3/pay/transactions/native", "/v3/"]
        {
            assert!(!is_lost("GET", path), "{path}");
        }
    }

    #[test]
    fn a_person_is_sent_to_addresses_of_the_web_only() {
        for url in ["https://shop.example.com/paid?order=1", "HTTP://127.0.0.1:8000/"] {
            assert!(is_web_address(url), "{url}");
        }
        for url in [
            "javascript:alert(1)",
            "data:text/html,a",
            "//example.com",
            "/here",
            "https://",
            "weixin://a",
            "",
            "https://a/\"><script>",
            "https://a/ b",
            "https://a/\r\nb",
            "java\tscript:a",
        ] {
            assert!(!is_web_address(url), "{url}");
        }
        assert!(!is_web_address(&format!("https://{}", "a".repeat(MAX_REDIRECT_URL))));
    }

    #[test]
    fn a_host_is_read_without_its_port() {
        for (authority, name) in [
            ("127.0.0.1:8880", "127.0.0.1"),
            ("localhost", "localhost"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("wx.tenpay.com", "wx.tenpay.com"),
        ] {
            assert_eq!(name_of(authority), name);
        }
    }
}
