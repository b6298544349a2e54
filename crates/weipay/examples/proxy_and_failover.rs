//! 代理与备域名: a client of the official hosts that goes through an HTTP proxy, and the backup host (`api2.mch.weixin.qq.com`), which
//! takes over while the main one is down. The sandbox plays the proxy and both hosts, over TLS.
//!
//! `cargo run -p weipay --example proxy_and_failover`
#![allow(clippy::print_stdout, reason = "a program speaks to its user")]

use std::env;
use std::error::Error;
use std::process::Command;

use weipay::ClientBuilder;
use weipay::transport::Proxy;
use weipay_sandbox::{FaultRule, Sandbox};

fn main() -> Result<(), Box<dyn Error>> {
    // The shop runs in another process, because TLS must trust the sandbox's authority: variables say so.
    if env::var_os("SHOP").is_some() {
        return shop();
    }
    let sandbox = Sandbox::start()?;
    // The main host loses the first five requests. `host` leaves the backup host alone.
    sandbox.add_fault(FaultRule::new("drop".parse()?).host("api.mch.weixin.qq.com").first(5))?;
    let environment = sandbox.client_environment()?;
    let status = Command::new(env::current_exe()?).env("SHOP", "1").envs(environment.variables()).status()?;
    if status.success() { Ok(()) } else { Err("the shop failed".into()) }
}

fn shop() -> Result<(), Box<dyn Error>> {
    // A proxy is used only if it is set here: variables such as HTTPS_PROXY are not read. Its password is never printed.
    let proxy = Proxy::new(&env::var("HTTPS_PROXY")?)?.credentials("shop", "secret");
    let client = ClientBuilder::from_env()?
        // The sandbox's kit names the sandbox; without a setting, this is the default.
        .base_url("https://api.mch.weixin.qq.com")
        .proxy(proxy)
        // It is on by default. It concerns only the main host, and only calls that may be sent again.
        .failover(true)
        .build_blocking()?;
    for call in 1..=4 {
        let response = client.chain("v3/merchant/fund/balance/BASIC").get()?;
        let hosts: Vec<_> =
            response.attempts().iter().map(|attempt| attempt.backup_host().unwrap_or("main")).collect();
        // After three failures in a row, calls begin with the backup host, until the main one is back.
        println!("call {call}: {} by {}", response.status(), hosts.join(", then "));
    }
    Ok(())
}
