//! `weipay quickstart`: a merchant sends coupons, associates them with orders, and disassociates one of them
//! in each of the six call styles. All calls go to a sandbox in this process, which verifies each request and
//! signs each response. With `--shop`, a second act sells a cup of coffee.

mod qr_code;
mod shop;
mod story;
mod styles;

use std::error::Error;
use std::io::{IsTerminal as _, Write, stdin, stdout};
use std::net::SocketAddr;
use std::path::PathBuf;

use anstyle::{AnsiColor, Color, Style};
use clap::Args;
use weipay::Response;
use weipay_sandbox::Sandbox;

use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::interrupted::DeletedWhenInterrupted;
use crate::output::{BOLD, CODE, DIM, GOOD};
use crate::signals;
use story::Story;

/// An expression with its own text.
macro_rules! shown {
    ($code:expr) => {
        (stringify!($code), $code)
    };
}
use shown;

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    /// Afterwards, sell a cup of coffee: an order, its QR code, a person who pays, the notification, a
    /// refund, the bill of the day.
    #[arg(long)]
    shop: bool,
    /// Pay at once instead of waiting for Enter. This is the default where there is no terminal.
    /// Implies --shop.
    #[arg(long)]
    yes: bool,
    /// Keep the sandbox running afterwards, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// The folder for the sandbox's kit and state [default: a temporary folder].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address where the sandbox listens; port 0 selects a free port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = values::address)]
    listen: SocketAddr,
}

pub(crate) fn run(arguments: &Quickstart) -> Outcome {
    let mut builder = Sandbox::builder().listen(arguments.listen);
    if let Some(data) = &arguments.data {
        builder = builder.data(data);
    }
    let sandbox = builder.start().map_err(Failure::failed)?;
    let is_temporary = arguments.data.is_none();
    let signals = is_temporary.then(|| DeletedWhenInterrupted::new(&sandbox)).transpose()?;
    play(arguments, &sandbox).map_err(Failure::failed)?;
    if arguments.stay {
        // The sandbox deletes the folder when it is dropped.
        let shutdown = signals::shutdown().map_err(Failure::failed)?;
        signals.iter().for_each(DeletedWhenInterrupted::stop);
        shutdown.recv().ok();
    }
    Ok(())
}

fn play(arguments: &Quickstart, sandbox: &Sandbox) -> Result<(), Box<dyn Error>> {
    let mut screen = Screen::new();
    screen.title("weipay quickstart: one operation, six call styles, every signature checked");

    let story = Story::begin(sandbox)?;
    screen.fact("platform", &format!("{} (沙箱, in this process)", sandbox.base_url()));
    screen.fact("merchant", &format!("{} (商户号), with new keys", story.mchid));

    let stock_id = story.create_stock()?;
    screen.fact("stock", &format!("{stock_id} (批次号)"));
    let coupons = story.send_and_associate(&stock_id, styles::COUNT)?;
    screen.fact(
        "coupons",
        &format!("{} sent (向用户发券) and associated with orders (关联订单信息)", coupons.len()),
    );

    screen.heading("取消关联订单信息  POST v3/marketing/busifavor/coupons/disassociate");
    styles::disassociate_each(&story, &coupons, &mut screen)?;

    story.check_all_disassociated(&coupons)?;
    screen.blank();
    screen.fact("state", &format!("{} coupons usable (SENDED), none is still associated", coupons.len()));
    screen.done("All six responses were verified.");

    if arguments.shop || arguments.yes {
        // Nobody sees the question, or nobody can answer it.
        let is_alone = !stdin().is_terminal() || !stdout().is_terminal();
        shop::play(sandbox, &story, arguments.yes || is_alone, &mut screen)?;
    }

    if arguments.stay {
        let another = story.associated(&stock_id, styles::COUNT + 1)?;
        screen.blank();
        screen.fact("serving", &format!("{} until Ctrl-C", sandbox.base_url()));
        screen.fact("kit", &sandbox.kit_file().display().to_string());
        let program = "cargo run -p weipay --features marketing --example disassociate --";
        screen.fact("try", &format!("{program} {another}"));
    }
    Ok(())
}

/// A scanner wants dark on light, whatever the terminal has.
const MODULES: Style = AnsiColor::Black.on_default().bg_color(Some(Color::Ansi(AnsiColor::BrightWhite)));

/// Names the key that verified a response.
fn proof<T>(response: &Response<T>) -> String {
    let serial = response.headers().get("Wechatpay-Serial").and_then(|serial| serial.to_str().ok());
    format!("verified with {}", serial.unwrap_or_default())
}

/// What the quickstart shows: coloured on a terminal, plain in a pipe.
struct Screen(anstream::AutoStream<std::io::Stdout>);

impl Screen {
    fn new() -> Self {
        Self(anstream::stdout())
    }

    /// It is not an error if the reader went away, as with `| head`: the exit code tells how the calls ended.
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{text}").ok();
    }

    fn blank(&mut self) {
        self.line(format_args!(""));
    }

    fn title(&mut self, text: &str) {
        self.line(format_args!("{BOLD}{text}{BOLD:#}"));
        self.blank();
    }

    fn fact(&mut self, name: &str, text: &str) {
        self.line(format_args!("  {DIM}{name:<9}{DIM:#} {text}"));
    }

    fn heading(&mut self, text: &str) {
        self.blank();
        self.line(format_args!("{BOLD}{text}{BOLD:#}"));
    }

    /// The name of a style, its line of Rust, and the response.
    fn style(&mut self, name: &str, code: &str, response: &str, proof: &str) {
        self.blank();
        self.line(format_args!("  {DIM}{name}{DIM:#}"));
        self.line(format_args!("  {CODE}{code}{CODE:#}"));
        self.line(format_args!("  {GOOD}✓{GOOD:#} {response}  {DIM}{proof}{DIM:#}"));
    }

    /// A line of a QR code.
    fn module_line(&mut self, line: &str) {
        self.line(format_args!("  {MODULES}{line}{MODULES:#}"));
    }

    /// What a person is to do now.
    fn prompt(&mut self, text: &str) {
        self.blank();
        self.line(format_args!("  {BOLD}{text}{BOLD:#}"));
        self.0.flush().ok();
    }

    fn done(&mut self, text: &str) {
        self.blank();
        self.line(format_args!("{GOOD}{BOLD}{text}{BOLD:#}{GOOD:#}"));
    }
}
