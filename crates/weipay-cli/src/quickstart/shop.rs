//! The second act: a small shop. An order, a person who pays it, the notification, a refund, and the bill of
//! the day. All of it is state of the sandbox: each response follows from what happened before.

use std::error::Error;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use weipay::bill::Bill;
use weipay::blocking::Client;
use weipay::notification::{Event, Notification};
use weipay::v3::bill::tradebill::get as tradebill;
use weipay::v3::pay::transactions::native::post as native;
use weipay::v3::pay::transactions::out_trade_no::out_trade_no::get as query;
use weipay::v3::refund::domestic::refunds::out_refund_no::get as refund_query;
use weipay::v3::refund::domestic::refunds::post as refund;
use weipay_sandbox::{ClockMode, PaymentRequest, Sandbox};

use super::story::Story;
use super::{Screen, proof, qr_code, shown};
use crate::notification_listener;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Fen.
const PRICE: i64 = 1_990;
const REFUNDED: i64 = 500;
/// How long a notification of this machine may take.
const NOTIFICATION: Duration = Duration::from_secs(20);
/// More than a refund takes.
const REFUND_TAKES: i64 = 10;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Beijing is so far ahead of UTC.
const BEIJING: i64 = 8 * HOUR;
/// From ten o'clock of the next day a bill can be asked for.
const BILL_HOUR: i64 = 10 * HOUR;

/// What the shop waits for.
enum Happening {
    KeyPressed,
    NoMoreKeys,
    Notified(Box<Notification>),
    Rejected(String),
}

/// Plays it. A person pays by a key, or on the sandbox's page, or `pays_at_once`.
pub(super) fn play(sandbox: &Sandbox, story: &Story, pays_at_once: bool, screen: &mut Screen) -> Result<()> {
    let mode = sandbox.clock().mode();
    let played = Shop::open(sandbox, story)?.play(pays_at_once, screen);
    // The shop moved the clock to the next day; what comes after it finds the clock as it was.
    match mode {
        ClockMode::Real => sandbox.clock().set_real(),
        ClockMode::Frozen { at } => sandbox.clock().freeze(at),
        ClockMode::Offset { seconds } => {
            // In one move: what is due on the way to the machine's time is not due yet.
            let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            sandbox.clock().run_from(i64::try_from(machine).unwrap_or(i64::MAX).saturating_add(seconds));
        }
    }
    played
}

struct Shop<'a> {
    sandbox: &'a Sandbox,
    client: &'a Client,
    appid: &'a str,
    number: String,
    notify_url: String,
    sender: Sender<Happening>,
    happenings: Receiver<Happening>,
}

impl<'a> Shop<'a> {
    fn open(sandbox: &'a Sandbox, story: &'a Story) -> Result<Self> {
        let (sender, happenings) = mpsc::channel();
        let heard = sender.clone();
        let receiver = story.client.receiver();
        let address = notification_listener::listen(move |_, headers, body| {
            let (response, happening) = match receiver.receive(headers, body) {
                Ok(notification) => (notification.success(), Happening::Notified(Box::new(notification))),
                Err(rejection) => (rejection.response(), Happening::Rejected(format!("{rejection:#}"))),
            };
            // Nobody listens when the shop has closed.
            heard.send(happening).ok();
            response
        })?;
        let notify_url = format!("{address}/notify");
        let number = format!("shop-{}", story.run);
        Ok(Self {
            sandbox,
            client: &story.blocking,
            appid: &story.appid,
            number,
            notify_url,
            sender,
            happenings,
        })
    }

    fn play(&self, pays_at_once: bool, screen: &mut Screen) -> Result<()> {
        screen.heading("小商店  a shop: an order, a payment, a refund, the bill of the day");
        self.begin_early_enough()?;
        let code_url = self.order(screen)?;
        self.show_code(&code_url, screen)?;
        self.wait_for_payment(&code_url, pays_at_once, screen)?;
        let date = self.query(screen)?;
        self.refund(screen)?;
        self.read_bill(&date, screen)?;
        screen.done("The shop's books agree: an order, its refund, and both in the bill.");
        Ok(())
    }

    /// Order and refund should be on one day.
    fn begin_early_enough(&self) -> Result<()> {
        if DAY - self.second_of_day() < HOUR / 4 {
            self.sandbox.run_for(HOUR)?;
        }
        Ok(())
    }

    fn second_of_day(&self) -> i64 {
        (self.sandbox.clock().now() + BEIJING).rem_euclid(DAY)
    }

    /// Native下单.
    fn order(&self, screen: &mut Screen) -> Result<String> {
        let client = self.client;
        let request = native::Request::new()
            .appid(self.appid)
            .description("一杯咖啡")
            .out_trade_no(self.number.as_str())
            .notify_url(self.notify_url.as_str())
            .amount(native::PayOrderAmount::new().total(PRICE).currency("CNY"));
        let (code, response) = shown!(client.v3().pay().transactions().native().post(request));
        let response = response?;
        screen.style("Native下单  an order", code, response.text()?, &proof(&response));
        Ok(response.decode()?.code_url.ok_or("the response has no code_url")?)
    }

    /// The code is for the real app, which does not know this order; a browser can open the sandbox's page.
    fn show_code(&self, code_url: &str, screen: &mut Screen) -> Result<()> {
        screen.blank();
        for line in qr_code::lines(code_url)? {
            screen.module_line(&line);
        }
        screen.blank();
        screen.fact("code", &format!("{code_url} (二维码链接)"));
        screen.fact(
            "page",
            &format!("{} (a browser can pay there, too)", self.sandbox.pay_page(&self.number)?),
        );
        Ok(())
    }

    /// Waits until the notification of the payment is there: whether a person paid is the platform's word, not ours.
    fn wait_for_payment(&self, code_url: &str, pays_at_once: bool, screen: &mut Screen) -> Result<()> {
        if pays_at_once {
            self.sender.send(Happening::KeyPressed)?;
        } else {
            screen.prompt("Press Enter to pay, or pay on the page.");
            self.listen_for_enter()?;
        }
        let mut not_paid = None;
        let mut has_paid = false;
        let notification = loop {
            let happening = match has_paid {
                true => self.happenings.recv_timeout(NOTIFICATION),
                false => self.happenings.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match happening {
                Ok(Happening::KeyPressed) => {
                    has_paid = true;
                    // An order that was paid on the page meanwhile cannot be paid again; its notification comes.
                    not_paid = self.sandbox.pay(&PaymentRequest::new(code_url)).err();
                }
                Ok(Happening::NoMoreKeys) if has_paid => {}
                Ok(Happening::NoMoreKeys) => {
                    return Err("nobody paid: standard input has ended; --yes pays at once".into());
                }
                Ok(Happening::Notified(notification)) => break notification,
                Ok(Happening::Rejected(reason)) => {
                    return Err(format!("a notification was rejected: {reason}").into());
                }
                Err(_) => return Err(not_paid.map_or_else(|| NOT_NOTIFIED.into(), Into::into)),
            }
        };
        let Event::TransactionSuccess(paid) = notification.event() else {
            return Err(format!(
                "expected the notification TRANSACTION.SUCCESS, got {}",
                notification.event_type()
            )
            .into());
        };
        let total = paid.amount.as_ref().and_then(|amount| amount.total);
        if paid.out_trade_no.as_deref() != Some(&*self.number) || total != Some(PRICE) {
            return Err("the notification does not match the order".into());
        }
        show_notification(&notification, &format!("{} fen for {}", PRICE, self.number), screen);
        Ok(())
    }

    fn listen_for_enter(&self) -> io::Result<()> {
        let sender = self.sender.clone();
        let listen = move || {
            let read = io::stdin().read_line(&mut String::new());
            let happening = if read.is_ok_and(|length| length > 0) {
                Happening::KeyPressed
            } else {
                Happening::NoMoreKeys
            };
            sender.send(happening).ok();
        };
        thread::Builder::new().name("keys".to_owned()).spawn(listen).map(drop)
    }

    /// 商户订单号查询. Gives the day of the payment.
    fn query(&self, screen: &mut Screen) -> Result<String> {
        let (client, number, request) = (self.client, self.number.as_str(), query::Request::new());
        let (code, response) =
            shown!(client.v3().pay().transactions().out_trade_no().out_trade_no(number).get(request));
        let response = response?;
        let order = response.decode()?;
        let state = order.trade_state.map(|state| state.to_string()).unwrap_or_default();
        if state != "SUCCESS" {
            return Err(format!("the order is {state}").into());
        }
        screen.style("商户订单号查询  the order", code, &format!("trade_state {state}"), &proof(&response));
        let time = order.success_time.ok_or("the order has no success_time")?.to_string();
        Ok(time.get(..10).ok_or("success_time is too short")?.to_owned())
    }

    /// 申请退款, of a part, until the person has the money.
    fn refund(&self, screen: &mut Screen) -> Result<()> {
        let client = self.client;
        let number = format!("{}-refund", self.number);
        let request = refund::Request::new()
            .out_trade_no(self.number.as_str())
            .out_refund_no(number.as_str())
            .reason("咖啡凉了")
            .notify_url(self.notify_url.as_str())
            .amount(refund::Amount::new().refund(REFUNDED).total(PRICE).currency("CNY"));
        let (code, response) = shown!(client.v3().refund().domestic().refunds().post(request));
        let response = response?;
        let status = response.decode()?.status.map(|status| status.to_string()).unwrap_or_default();
        let told = format!("status {status}, {REFUNDED} of {PRICE} fen");
        screen.style("申请退款  a refund of a part", code, &told, &proof(&response));

        self.sandbox.run_for(REFUND_TAKES)?;
        match self.happenings.recv_timeout(NOTIFICATION) {
            Ok(Happening::Notified(notification)) if notification.event_type() == "REFUND.SUCCESS" => {
                show_notification(
                    &notification,
                    &format!("{number}, {REFUND_TAKES} seconds later by the sandbox's clock"),
                    screen,
                );
            }
            Ok(Happening::Notified(other)) => {
                return Err(
                    format!("expected the notification REFUND.SUCCESS, got {}", other.event_type()).into()
                );
            }
            Ok(Happening::Rejected(reason)) => {
                return Err(format!("a notification was rejected: {reason}").into());
            }
            // A second key, which means nothing here, or none: the query decides.
            Ok(Happening::KeyPressed | Happening::NoMoreKeys) | Err(_) => {}
        }
        let (number, request) = (number.as_str(), refund_query::Request::new());
        let (code, response) =
            shown!(client.v3().refund().domestic().refunds().out_refund_no(number).get(request));
        let response = response?;
        let status = response.decode()?.status.map(|status| status.to_string()).unwrap_or_default();
        if status != "SUCCESS" {
            return Err(format!("the refund is {status}").into());
        }
        screen.style("查询单笔退款  the refund", code, &format!("status {status}"), &proof(&response));
        Ok(())
    }

    /// 申请交易账单, at ten o'clock of the next day, and its rows of this order.
    fn read_bill(&self, date: &str, screen: &mut Screen) -> Result<()> {
        self.sandbox.run_for(DAY - self.second_of_day() + BILL_HOUR)?;
        let client = self.client;
        let request = tradebill::Request::new().bill_date(date).tar_type(tradebill::TarType::Gzip);
        let (code, response) = shown!(client.v3().bill().tradebill().get(request));
        let response = response?;
        let file = client.download(&response).to_bytes()?;
        let (mut bill, mut states) = (Bill::new(&file[..])?, Vec::new());
        while let Some(row) = bill.next_row()? {
            let trade = row.trade();
            if trade.out_trade_no() == self.number {
                let amount =
                    if trade.trade_state() == "REFUND" { trade.refund_total()? } else { trade.total()? };
                let fen = amount.and_then(|amount| amount.fen()).ok_or("a row of the bill has no amount")?;
                states.push((trade.trade_state().to_owned(), fen));
            }
        }
        states.sort_unstable();
        let expected = [("REFUND".to_owned(), REFUNDED), ("SUCCESS".to_owned(), PRICE)];
        if states != expected {
            return Err(
                format!("the bill of {date} does not have the order and its refund: {states:?}").into()
            );
        }
        let told = format!("{date}: SUCCESS {PRICE} fen, REFUND {REFUNDED} fen; {} rows", bill.rows_read());
        screen.style("申请交易账单  the bill of the day", code, &told, "digest checked");
        Ok(())
    }
}

const NOT_NOTIFIED: &str = "the order was paid, but no notification came";

fn show_notification(notification: &Notification, what: &str, screen: &mut Screen) {
    let told = format!("{} {what}", notification.event_type());
    screen.style(
        "回调通知  a notification",
        "client.receiver().receive(&headers, &body)",
        &told,
        "verified and decrypted",
    );
}
