//! The clock.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::clock::{self, ClockControl, ClockMode};
use crate::platform::ClockError;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/clock", "The platform's time, how its clock runs, and the next event", &[], show),
    Route::post("/clock/freeze", "Stops the clock", FREEZE, freeze),
    Route::post("/clock/set", "Sets the clock to a time, and lets it run", SET, set),
    Route::post(
        "/clock/advance",
        "Advances the clock by a duration; everything that becomes due happens at its due time",
        ADVANCE,
        advance,
    ),
    Route::post(
        "/clock/next",
        "Moves the clock to the next event, and responds when that is done; `event` is null if nothing is due",
        &[],
        next,
    ),
    Route::get(
        "/clock/put-aside",
        "Due work that failed and was put aside, with reasons (at most 1,000); POST /clock/retry tries it again",
        &[],
        put_aside,
    ),
    Route::post(
        "/clock/retry",
        "Retries scheduled work that was put aside. `tried`: number of retries, `put_aside`: number that failed again",
        &[],
        retry,
    ),
    Route::post("/clock/real", "Makes the clock follow the time of this machine again", &[], real),
];

const FREEZE: &[Member] = &[Member::text("time", "RFC 3339 (default: the current time of the clock)")];
const SET: &[Member] = &[Member::text("time", "RFC 3339").required()];
const ADVANCE: &[Member] = &[Member::text("duration", "Such as 90s, 15m, 3h, 30d or 1d12h").required()];

/// 9999-12-31T23:59:59+08:00.
const LAST_SECOND: i64 = 253_402_271_999;

impl From<ClockError> for ControlError {
    fn from(error: ClockError) -> Self {
        match error {
            ClockError::Store(error) => Self::failed(error),
            error => Self::conflict(error.to_string()),
        }
    }
}

fn clock(control: &Control) -> &ClockControl {
    control.platform.clock()
}

fn time(request: &ControlRequest) -> Result<Option<i64>, ControlError> {
    let read = |text| {
        clock::parse(text).ok_or_else(|| {
            ControlError::invalid("`time` must be RFC 3339 with its offset, as 2026-08-15T12:00:00+08:00")
        })
    };
    request.text("time").map(read).transpose()
}

pub(super) fn show(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.follow_clock()?;
    let (now, mode) = (clock(control).now(), clock(control).mode());
    let next = control.platform.next_event()?;
    Ok(json!({
        "mode": mode.word(),
        "time": clock::rfc3339(now),
        "unix_seconds": now,
        "offset_seconds": match mode {
            ClockMode::Offset { seconds } => Some(seconds),
            ClockMode::Real => Some(0),
            ClockMode::Frozen { .. } => None,
        },
        "next_event": next.map(clock::rfc3339),
    }))
}

fn freeze(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.follow_clock()?;
    let at = time(request)?.unwrap_or_else(|| clock(control).now());
    clock(control).freeze(at);
    show(control, request)
}

fn set(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    if let Some(time) = time(request)? {
        clock(control).run_from(time);
    }
    show(control, request)
}

fn advance(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let seconds = clock::parse_duration(request.text("duration").unwrap_or_default())
        .map_err(|advice| ControlError::invalid(format!("`duration`: {advice}")))?;
    control.platform.follow_clock()?;
    if clock(control).now().saturating_add(seconds) > LAST_SECOND {
        return Err(ControlError::invalid(
            "the clock cannot go beyond the year 9999, the last year of RFC 3339",
        ));
    }
    let run = control.platform.run_for(seconds)?;
    let mut shown = show(control, request)?;
    shown["events"] = run.events.into();
    shown["is_complete"] = run.is_complete.into();
    Ok(shown)
}

fn next(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let event = control.platform.run_to_next_event()?;
    let mut shown = show(control, request)?;
    shown["event"] = event.map(clock::rfc3339).into();
    Ok(shown)
}

fn real(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    clock(control).set_real();
    show(control, request)
}

fn put_aside(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    Ok(json!({ "put_aside": control.platform.put_aside()? }))
}

fn retry(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    let (tried, put_aside) = control.platform.retry_put_aside()?;
    Ok(json!({ "tried": tried, "put_aside": put_aside }))
}
