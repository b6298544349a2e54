//! How the page looks: HTML without script, and its response. Every text that is not ours is escaped.

use std::fmt::Write as _;

use super::STYLE_PATH;
use super::invoice::{Invoice, Payer, Standing};
use crate::products::payments::order::Funds;
use crate::response::Response;

/// Nothing from elsewhere, no script, no frame around it. A redirect loads nothing, so `redirect_url` works all the same.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// How many seconds the result stays before the person goes back to the merchant.
const REDIRECT_AFTER: u32 = 2;

pub(super) const STYLE: &str = "\
:root { color-scheme: light; font-family: system-ui, 'Noto Sans CJK SC', sans-serif; }
* { box-sizing: border-box; }
body { margin: 0; background: #ededed; color: #1a1a1a; font-size: 16px; }
main { max-width: 430px; margin: 0 auto; padding: 16px; overflow-wrap: anywhere; }
h1 { font-size: 20px; text-align: center; margin: 16px 0 8px; }
p { margin: 8px 0; text-align: center; }
.sandbox { background: #fff3cd; border-radius: 8px; padding: 8px; font-size: 13px; }
.amount { font-size: 40px; font-weight: 600; margin: 8px 0 16px; }
dl { background: #fff; border-radius: 8px; padding: 4px 12px; margin: 16px 0; }
dl div { display: flex; justify-content: space-between; gap: 16px; padding: 8px 0; }
dt { color: #666; flex: none; }
dd { margin: 0; text-align: right; min-width: 0; }
fieldset { border: 0; background: #fff; border-radius: 8px; padding: 4px 12px; margin: 0 0 16px; }
label { display: block; padding: 10px 0; }
select { font: inherit; max-width: 100%; padding: 8px; }
button, .button { display: block; width: 100%; min-height: 48px; margin: 12px 0; padding: 12px; border: 0; border-radius: 8px;
  font: inherit; text-align: center; text-decoration: none; background: #07c160; color: #fff; cursor: pointer; }
button.quiet { background: #fff; color: #1a1a1a; }
.message { background: #fff; border-radius: 8px; padding: 12px; }
";

/// A result, in two languages.
pub(super) struct Message {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) status: u16,
    /// Whether the person goes back to the merchant.
    pub(super) ends_visit: bool,
}

impl Message {
    pub(super) fn new(title: &str, text: &str) -> Self {
        Self { title: title.to_owned(), text: text.to_owned(), status: 200, ends_visit: false }
    }

    pub(super) fn show(&self) -> Html {
        let body = format!(
            "<h1>{}</h1>\n<p class=\"message\" role=\"status\">{}</p>\n",
            escape(&self.title),
            escape(&self.text)
        );
        Html { body, redirect_url: None }
    }
}

/// The content of `main`, and the address to which the page leads by itself.
pub(super) struct Html {
    body: String,
    redirect_url: Option<String>,
}

impl Html {
    /// Lets one choose who pays; the rest of the address stays as it is.
    pub(super) fn offer_people(&mut self, people: &[Payer], members: &[(&'static str, &str)]) {
        if people.is_empty() {
            return;
        }
        let mut form = "<form method=\"get\">\n".to_owned();
        for (name, value) in members {
            let _ = writeln!(form, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value));
        }
        form += "<fieldset>\n<label>付款人 Who pays <select name=\"person\">\n\
                 <option value=\"\">任何人 Somebody</option>\n";
        for person in people {
            let selected = if person.is_chosen { " selected" } else { "" };
            let (id, openid) = (escape(&person.id), escape(&person.openid));
            let _ = writeln!(form, "<option value=\"{id}\"{selected}>{openid}</option>");
        }
        form += "</select></label>\n<button class=\"quiet\">更换 Change</button>\n</fieldset>\n</form>\n";
        // Before the form that pays.
        let place = self.body.rfind("<form method=\"post\"").unwrap_or(self.body.len());
        self.body.insert_str(place, &form);
    }
}

/// An order. It has a form when there is a token for it.
pub(super) fn invoice(
    invoice: &Invoice,
    token: Option<&str>,
    message: Option<&Message>,
    redirect_url: Option<&str>,
) -> Html {
    let mut body = message.map_or_else(String::new, |message| message.show().body);
    match &invoice.standing {
        Standing::Open => {}
        Standing::Paid => body += "<h1>支付成功</h1>\n<p class=\"message\" role=\"status\">Paid.</p>\n",
        Standing::Over(reason) => {
            let reason = escape(reason);
            let _ = writeln!(
                body,
                "<h1>无法支付</h1>\n<p class=\"message\" role=\"status\">Cannot be paid: {reason}.</p>"
            );
        }
    }
    let is_paid = invoice.standing == Standing::Paid;
    let fen = if is_paid { invoice.paid } else { invoice.to_pay };
    let _ = writeln!(body, "<p class=\"amount\">{}</p>\n<dl>", money(fen, &invoice.currency));
    let has_parts = invoice.lines.len() > 1;
    for line in &invoice.lines {
        row(&mut body, "商户 Merchant", &line.payee);
        row(&mut body, "商品 Goods", &line.description);
        if has_parts {
            row(&mut body, "金额 Amount", &money(line.total, &invoice.currency));
        }
    }
    row(&mut body, "订单号 Order", &invoice.out_trade_no);
    for coupon in &invoice.coupons {
        row(
            &mut body,
            &format!("优惠 {}", coupon.name),
            &format!("-{}", money(coupon.fen, &invoice.currency)),
        );
    }
    if let Some(note) = invoice.note {
        row(&mut body, "注意 Note", note);
    }
    body += "</dl>\n";
    if let Some(token) = token {
        let token = escape(token);
        let ways = ways(invoice);
        let _ = write!(
            body,
            "<form method=\"post\">\n<input type=\"hidden\" name=\"token\" value=\"{token}\">\n\
             <fieldset>\n{ways}</fieldset>\n\
             <button name=\"do\" value=\"pay\">支付 Pay</button>\n\
             <button name=\"do\" value=\"cancel\" class=\"quiet\">取消 Cancel</button>\n</form>\n"
        );
    }
    if let Some(url) = redirect_url {
        let url = escape(url);
        let _ = writeln!(
            body,
            "<a class=\"button\" href=\"{url}\" rel=\"noreferrer\">返回商户 Back to the merchant</a>"
        );
    }
    Html { body, redirect_url: redirect_url.map(str::to_owned) }
}

/// The means of payment that a person may choose. What the order does not take can be seen and not chosen.
fn ways(invoice: &Invoice) -> String {
    let is_same = invoice.ways.iter().all(|way| way.to_pay == invoice.to_pay);
    let chosen = invoice.ways.iter().position(|way| way.is_taken);
    let mut shown = String::new();
    for (place, way) in invoice.ways.iter().enumerate() {
        let (word, name) = match way.funds {
            Funds::Wallet => ("wallet", "零钱 Wallet"),
            Funds::Card => ("card", "银行卡 Bank card"),
            Funds::DebitCard => ("debit", "储蓄卡 Debit card"),
            Funds::CreditCard => ("credit", "信用卡 Credit card"),
        };
        let state = match chosen {
            _ if !way.is_taken => " disabled",
            Some(chosen) if chosen == place => " checked",
            _ => "",
        };
        let after = match (way.is_taken, is_same) {
            (false, _) => " 不支持 Not for this order".to_owned(),
            (true, true) => String::new(),
            (true, false) => format!(" {}", money(way.to_pay, &invoice.currency)),
        };
        let _ = writeln!(
            shown,
            "<label><input type=\"radio\" name=\"means\" value=\"{word}\"{state}> {name}{after}</label>"
        );
    }
    shown
}

fn row(body: &mut String, name: &str, value: &str) {
    let _ = writeln!(body, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
}

/// Fen as people write them.
fn money(fen: i64, currency: &str) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let (yuan, rest) = (fen.unsigned_abs() / 100, fen.unsigned_abs() % 100);
    match currency {
        "CNY" | "" => format!("{sign}¥{yuan}.{rest:02}"),
        other => format!("{sign}{} {yuan}.{rest:02}", escape(other)),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other if other.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// The page with its frame.
pub(super) fn page(status: u16, html: Html) -> Response {
    let refresh = html.redirect_url.map_or_else(String::new, |url| {
        format!("<meta http-equiv=\"refresh\" content=\"{REDIRECT_AFTER}; url={}\">\n", escape(&url))
    });
    let text = format!(
        "<!doctype html>\n<html lang=\"zh-CN\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{refresh}\
         <title>支付 Pay</title>\n<link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\n</head>\n<body>\n<main>\n\
         <p class=\"sandbox\">沙箱：没有真的钱 Sandbox: no real money</p>\n{}</main>\n</body>\n</html>\n",
        html.body
    );
    with_headers(status, "text/html; charset=utf-8", text)
}

pub(super) fn style(text: &str) -> Response {
    with_headers(200, "text/css; charset=utf-8", text.to_owned())
}

/// To the same page by `GET`.
pub(super) fn see_other(target: &str) -> Response {
    let mut response = with_headers(303, "text/html; charset=utf-8", String::new());
    response.set("location", target);
    response
}

fn with_headers(status: u16, content_type: &str, text: String) -> Response {
    let mut response = Response::empty(status);
    for (name, value) in [
        ("content-type", content_type),
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        // Without it a browser keeps back the origin of the form.
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        response.set(name, value);
    }
    if status == 405 {
        response.set("allow", "GET, HEAD, POST");
    }
    response.body = text.into_bytes();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_text_and_nothing_else() {
        assert_eq!(escape("<b onclick=\"a\">'&\u{7}"), "&lt;b onclick=&quot;a&quot;&gt;&#39;&amp;");
    }

    #[test]
    fn fen_are_written_as_yuan() {
        assert_eq!(money(1_990, "CNY"), "¥19.90");
        assert_eq!(money(5, ""), "¥0.05");
        assert_eq!(money(-100, "HKD"), "-HKD 1.00");
        assert_eq!(money(i64::MIN, "CNY"), "-¥92233720368547758.08");
    }
}
