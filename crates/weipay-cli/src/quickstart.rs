//! `weipay quickstart`: the first story. A merchant sends coupons, ties them to orders, and unties one of them in each
//! of the six call styles, against a platform that checks every signature and answers with its own.

mod screen;
mod story;
mod styles;

use std::error::Error;
use std::process::ExitCode;

use weipay_sandbox::Sandbox;

use crate::arguments;
use crate::exit;
use screen::Screen;
use story::Story;

pub(crate) fn run(arguments: &arguments::Quickstart) -> ExitCode {
    match tell(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::with(exit::FAILED, &error),
    }
}

fn tell(arguments: &arguments::Quickstart) -> Result<(), Box<dyn Error>> {
    let mut screen = Screen::new();
    screen.title("weipay quickstart: one operation, six call styles, every signature checked");

    let mut builder = Sandbox::builder().listen(arguments.listen);
    if let Some(data) = &arguments.data {
        builder = builder.data(data);
    }
    let sandbox = builder.start()?;
    let story = Story::begin(sandbox.kit_file())?;
    screen.fact("platform", &format!("{} (沙箱, in this process)", sandbox.base_url()));
    screen.fact("merchant", &format!("{} (商户号), keys made for it", story.mchid));

    let stock_id = story.create_stock()?;
    screen.fact("stock", &format!("{stock_id} (批次号)"));
    let coupons = story.send_and_associate(&stock_id, styles::COUNT)?;
    screen.fact(
        "coupons",
        &format!("{} sent (向用户发券) and associated with orders (关联订单信息)", coupons.len()),
    );

    screen.heading("取消关联订单信息  POST v3/marketing/busifavor/coupons/disassociate");
    styles::disassociate_each(&story, &coupons, &mut screen)?;

    story.all_are_free(&coupons)?;
    screen.blank();
    screen.fact("state", &format!("{} coupons usable (SENDED), none associated any more", coupons.len()));
    screen.done("All six answers verified.");

    if arguments.stay {
        let another = story.associated(&stock_id, styles::COUNT + 1)?;
        screen.blank();
        screen.fact("serving", &format!("{} until Ctrl-C", sandbox.base_url()));
        screen.fact("kit", &sandbox.kit_file().display().to_string());
        let program = "cargo run -p weipay --features marketing --example disassociate --";
        screen.fact("try", &format!("{program} {another}"));
        sandbox.wait()?;
    }
    Ok(())
}
