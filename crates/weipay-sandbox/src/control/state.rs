//! The sandbox as a whole: whether it is ready, its reset, and snapshots of its state.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::notifications::hold::Holds;
use crate::platform::snapshots::{Snapshot, SnapshotError};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/health", "Whether the platform accepts requests: 200, otherwise 503", &[], health).open(),
    Route::post("/reset", "Deletes all records; merchants and their kits are kept", &[], reset),
    Route::get("/snapshots", "The snapshots in the data folder", &[], list),
    Route::post("/snapshots", "Saves the current state", NAME, take),
    Route::post(
        "/snapshots/{name}/restore",
        "Replaces the whole state with that of a snapshot, or changes nothing; merchants and their kits are kept",
        &[],
        restore,
    ),
    Route::delete("/snapshots/{name}", "Removes a snapshot", &[], remove),
];

const NAME: &[Member] =
    &[Member::text("name", "The name of the snapshot; an existing one with this name is replaced")
        .required()];

impl From<SnapshotError> for ControlError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Unknown(..) => Self::not_found(error.to_string()),
            SnapshotError::Busy => Self::conflict(error.to_string()),
            SnapshotError::File(..) | SnapshotError::Store(_) => Self::failed(error),
            error => Self::invalid(error.to_string()),
        }
    }
}

fn shown(snapshot: &Snapshot) -> Value {
    json!({ "name": snapshot.name, "file": snapshot.file, "bytes": snapshot.bytes })
}

fn list(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    let snapshots = control.platform.snapshots()?;
    Ok(json!({ "snapshots": snapshots.iter().map(shown).collect::<Value>() }))
}

fn take(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let name = request.text("name").unwrap_or_default();
    let is_replaced = control.platform.snapshots()?.iter().any(|known| known.name == name);
    let (snapshot, rows) = control.platform.take_snapshot(name)?;
    let mut shown = shown(&snapshot);
    shown["replaced"] = is_replaced.into();
    shown["rows"] = rows.into();
    Ok(shown)
}

fn restore(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let rows = control.platform.restore_snapshot(request.path("name"))?;
    let clock = super::clock::show(control, request)?;
    Ok(json!({ "name": request.path("name"), "rows": rows, "clock": clock }))
}

fn remove(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.remove_snapshot(request.path("name"))?;
    Ok(Value::Null)
}

fn reset(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.reset()?;
    Ok(Value::Null)
}

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
        // The merchants whose notifications are held: a developer who misses them looks here.
        "held": held,
    }))
}
