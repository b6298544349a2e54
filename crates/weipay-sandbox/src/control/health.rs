//! Whether the sandbox is ready.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Route};
use crate::notifications::hold::Holds;

pub(super) const ROUTES: &[Route] =
    &[Route::get("/health", "Whether the platform accepts requests: 200, otherwise 503", &[], health).open()];

/// The control listener starts when the platform's own accepts requests, so that only the state can be missing.
fn health(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    let platform = &control.platform;
    platform.store.is_anything_due(platform.clock.now()).map_err(ControlError::not_ready)?;
    let put_aside = platform.count_put_aside().map_err(ControlError::not_ready)?;
    let held = platform.store.transaction(Holds::read).map_err(ControlError::not_ready)?;
    Ok(json!({
        "ready": true,
        "base_url": platform.base_url,
        "version": env!("CARGO_PKG_VERSION"),
        // What the sandbox does by itself and cannot do now, and how much of what was due it has put aside.
        "failing": platform.background.failing(),
        "put_aside": put_aside,
        // Whose notifications wait because somebody said so: whoever misses them asks here.
        "held": held,
    }))
}
