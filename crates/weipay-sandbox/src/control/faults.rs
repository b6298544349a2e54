//! Faults.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::faults::{FaultProfile, FaultRule, RuleStatus};
use crate::reasons;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/faults", "The fault rules, and how often each was applied", &[], list),
    Route::post("/faults", "Adds a rule", RULE, add),
    Route::post("/faults/profile", "Adds the rules of a profile", PROFILE, add_profile),
    Route::delete("/faults", "Removes all rules", &[], clear),
    Route::delete("/faults/{id}", "Removes one rule", &[], remove),
];

const RULE: &[Member] = &[
    Member::text("fault", "Such as 502, slow; ms=1500, commit-then-drop, wrong-signature").required(),
    Member::text("operation", "Only this operation: path template, with or without the method before it"),
    Member::text("merchant", "Only this merchant"),
    Member::text(
        "host",
        "Only requests to this host: one of the platform's, or that by which clients reach the sandbox",
    ),
    Member::integer("first", "Only the first N requests"),
    Member::number("probability", "From 0 (never) to 1 (always)"),
    Member::integer("seed", "The same seed hits the same requests"),
];

const PROFILE: &[Member] = &[
    Member::word("profile", &["flaky", "outage", "rotation"], "Which").required(),
    Member::integer("seed", "The same seed hits the same requests"),
];

fn number(request: &ControlRequest, name: &str) -> Result<Option<u64>, ControlError> {
    let Some(value) = request.get(name) else { return Ok(None) };
    let number = value.as_u64();
    number.map(Some).ok_or_else(|| ControlError::invalid(format!("`{name}` must not be negative")))
}

fn add(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let fault = request.text("fault").unwrap_or_default().parse();
    let mut rule =
        FaultRule::new(fault.map_err(|advice: String| ControlError::invalid(format!("`fault`: {advice}")))?);
    rule.operation = request.text("operation").map(str::to_owned);
    if let Some(mchid) = request.text("merchant") {
        control.platform.look_at_merchant(mchid)?;
        // A sub-merchant sends no requests.
        if control.platform.merchants.find(mchid).is_none() {
            return Err(ControlError::invalid(format!("`merchant`: {}", reasons::no_merchant(mchid))));
        }
        rule.merchant = Some(mchid.to_owned());
    }
    rule.host = request.text("host").map(str::to_owned);
    rule.first = number(request, "first")?;
    if rule.first == Some(0) {
        return Err(ControlError::invalid("`first` must be at least 1: a rule for no request does nothing"));
    }
    if let Some(probability) = request.get("probability").and_then(Value::as_f64) {
        rule = rule.probability(probability);
    }
    if let Some(seed) = number(request, "seed")? {
        rule = rule.seed(seed);
    }
    let id = control.platform.faults.add(rule).map_err(|error| ControlError::invalid(error.to_string()))?;
    Ok(json!({ "id": id }))
}

fn add_profile(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let profile: FaultProfile = request
        .text("profile")
        .unwrap_or_default()
        .parse()
        .map_err(|error: String| ControlError::invalid(error))?;
    let seed = number(request, "seed")?.unwrap_or(1);
    let added = control.platform.faults.add_all(profile.rules(seed));
    let ids = added.map_err(|error| ControlError::invalid(error.to_string()))?;
    Ok(json!({ "ids": ids }))
}

fn list(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    let rules: Vec<Value> = control.platform.faults.list().iter().map(shown).collect();
    Ok(json!({ "faults": rules }))
}

fn shown(status: &RuleStatus) -> Value {
    let rule = &status.rule;
    json!({
        "id": status.id,
        "fault": rule.fault.to_string(),
        "operation": rule.operation,
        "merchant": rule.merchant,
        "host": rule.host,
        "first": rule.first,
        "probability": rule.probability,
        "seed": rule.seed,
        "seen": status.seen,
        "injected": status.injected,
    })
}

fn clear(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    Ok(json!({ "cleared": control.platform.faults.clear() }))
}

fn remove(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let is_removed = request.path("id").parse().is_ok_and(|id| control.platform.faults.remove(id));
    if is_removed {
        Ok(json!({ "cleared": 1 }))
    } else {
        Err(ControlError::not_found("no rule has this number"))
    }
}
