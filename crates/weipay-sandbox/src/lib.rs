//! A local WeChat Pay (微信支付) platform that checks every signature and answers with its own.

mod chance;
mod clock;
mod contract;
mod desk;
mod domain;
mod exchange;
mod grammar;
mod moment;
mod refusal;
mod store;
