//! The state as a whole.

use serde_json::Value;

use super::{Control, ControlError, ControlRequest, Route};

pub(super) const ROUTES: &[Route] = &[Route::post(
    "/reset",
    "Takes everything back that merchants and people did; merchants and their kits stay",
    &[],
    reset,
)];

fn reset(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.reset()?;
    Ok(Value::Null)
}
