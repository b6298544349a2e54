//! The control API (控制接口): what a developer does to a sandbox, on a second listener beside the platform's.
//!
//! It listens on a loopback address, responds only to names of this machine in `Host`, wants the token that stands in
//! `control.json` of the data folder (`Authorization: Bearer ...`), and refuses every request that a web page makes (`Origin`).
//! There are no cookies. `GET /openapi.json` describes it.
//!
//! # To add a route
//!
//! Write a handler, `fn(&Control, &ControlRequest) -> Result<Value, ControlError>`, in the file of its subject below `control/`
//! (a product's in the product's folder), and add one line to the `ROUTES` of that file:
//!
//! ```text
//! Route::post("/clock/set", "Sets the clock to a time, and lets it run", &[Member::text("time", "RFC 3339").required()], set),
//! ```
//!
//! A new file also has its line in `TABLES`, a product's table in its line of `PRODUCTS`. That is all:
//! members of the body or, for `GET` and `DELETE`, of the query are checked before the handler is called, and
//! the OpenAPI document has them. `Value::Null` becomes the status 204. The command's subcommands and other
//! programs call routes with [`Client`].

mod client;
mod clock;
mod error;
mod faults;
mod listener;
mod log;
mod merchants;
mod notifications;
mod openapi;
pub(crate) mod people;
mod request;
mod responses;
mod route;
mod state;

use std::sync::Arc;

use serde_json::Value;

use crate::platform::Platform;
pub use crate::platform::snapshots::TEMPORARY_SNAPSHOT_PREFIX;
pub use client::{Client, ClientError};
pub(crate) use error::ControlError;
use error::ControlResponse;
pub(crate) use listener::{ControlListener, FILE};
pub(crate) use request::ControlRequest;
pub(crate) use route::{Member, Route};

/// The routes that belong to no product.
static TABLES: &[&[Route]] = &[
    clock::ROUTES,
    faults::ROUTES,
    log::ROUTES,
    merchants::ROUTES,
    notifications::ROUTES,
    people::ROUTES,
    state::ROUTES,
    openapi::ROUTES,
];

/// The state that handlers work on.
pub(crate) struct Control {
    pub(crate) platform: Arc<Platform>,
}

impl Control {
    fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let of_products = self.platform.products.iter().map(|product| product.control);
        TABLES.iter().copied().chain(of_products).flatten()
    }

    /// Carries out a request that came from this machine. `is_trusted` when it has the token.
    fn respond(&self, method: &str, target: &str, body: &[u8], is_trusted: bool) -> ControlResponse {
        self.outcome(method, target, body, is_trusted).unwrap_or_else(ControlResponse::from)
    }

    fn outcome(
        &self,
        method: &str,
        target: &str,
        body: &[u8],
        is_trusted: bool,
    ) -> Result<ControlResponse, ControlError> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let found: Vec<_> = self.routes().filter_map(|route| Some((route, route.values(path)?))).collect();
        let methods: Vec<_> = found.iter().map(|(route, _)| route.method).collect();
        let of_method = found.into_iter().find(|(route, _)| route.method == method);
        if !is_trusted && of_method.as_ref().is_none_or(|(route, _)| !route.is_open) {
            return Err(ControlError {
                status: 401,
                code: "UNAUTHORIZED",
                message: format!(
                    "send `Authorization: Bearer TOKEN` with the token of {FILE} in the data folder"
                ),
            });
        }
        let Some((route, values)) = of_method else {
            if methods.is_empty() {
                return Err(ControlError::not_found("no route has this path; GET /openapi.json lists them"));
            }
            let message = format!("this path takes {}", methods.join(", "));
            return Err(ControlError { status: 405, code: "METHOD_NOT_ALLOWED", message });
        };
        let request = ControlRequest::read(route, values, query, body)?;
        let value = (route.handler)(self, &request)?;
        #[cfg(test)]
        responses::check(route, &value);
        Ok(match value {
            Value::Null => ControlResponse { status: 204, body: None },
            value => ControlResponse { status: 200, body: Some(value) },
        })
    }
}

#[cfg(test)]
mod tests;
