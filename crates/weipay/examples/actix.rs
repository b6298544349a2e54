//! 接收回调通知: receive notifications with actix-web, and handle each once with SQLite, however many servers share the file.
//!
//! `cargo run -p weipay --features actix,dedup-sqlite,marketing --example actix`
//!
//! The program starts a sandbox and a server, lets the sandbox notify the server of a coupon that it sends, and ends.
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

#[path = "shared/coupon.rs"]
mod coupon;

use std::error::Error;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use weipay::actix_web::{App, HttpServer, rt, web};
use weipay::notification::{ActixResponse, Event, Notification, SqliteDedup};
use weipay::sqlx::SqlitePool;
use weipay::sqlx::sqlite::SqliteConnectOptions;
use weipay::v3::marketing::busifavor::callbacks;
use weipay::{Client, sqlx};
use weipay_sandbox::Sandbox;

/// What the route does. The extractor has verified and opened the notification; a forgery never comes here.
async fn notify(
    notification: Notification,
    seen: web::Data<SqliteDedup>,
    handled: web::Data<UnboundedSender<String>>,
) -> ActixResponse {
    // Of all servers with this database, one runs the handler, until it is successful once. A server that dies
    // meanwhile holds the others up for five minutes: `SqliteDedup::lease`.
    let handling = notification.handle_once(&**seen, async |event| match event {
        Event::CouponSend(coupon) => {
            println!("coupon {:?} was sent", coupon.coupon_code);
            Ok(())
        }
        _ => Err("nobody handles this event"),
    });
    let outcome = handling.await;
    handled.send(format!("{notification:?}: {outcome:?}")).ok();
    ActixResponse(outcome.response(&notification))
}

async fn run(sandbox: Sandbox) -> Result<(), Box<dyn Error>> {
    let client = Client::from_kit(sandbox.kit_file())?;
    let seen = SqliteDedup::new(open(&sandbox).await?);
    seen.create_table().await?;

    let (handled, mut reports) = unbounded_channel::<String>();
    let receiver = client.receiver();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(receiver.clone()))
            .app_data(web::Data::new(seen.clone()))
            .app_data(web::Data::new(handled.clone()))
            .route("/notify", web::post().to(notify))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0")?;
    let url = format!("http://{}/notify", server.addrs()[0]);
    let server = server.run();
    let stop = server.handle();
    let serving = rt::spawn(server);

    let address = callbacks::post::Request::new().notify_url(url).mchid(sandbox.kit().mchid.as_str());
    client.v3().marketing().busifavor().callbacks().post(address).await?;
    coupon::send(&client, sandbox.kit()).await?;
    println!("{}", reports.recv().await.ok_or("no notification came")?);
    stop.stop(true).await;
    serving.await??;
    Ok(())
}

/// The database of the shop; here a file beside the sandbox's.
async fn open(sandbox: &Sandbox) -> Result<SqlitePool, sqlx::Error> {
    let file = sandbox.data_dir().join("shop.db");
    SqlitePool::connect_with(SqliteConnectOptions::new().filename(file).create_if_missing(true)).await
}

fn main() -> Result<(), Box<dyn Error>> {
    rt::System::new().block_on(run(Sandbox::start()?))
}
