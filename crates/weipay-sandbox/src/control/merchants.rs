//! Merchants (商户): adding them, and what the platform has for them.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::kit::{KitError, KitOnDisk};
use crate::merchants::Merchant;
use crate::merchants::add::NewMerchant;
use crate::merchants::change::MerchantError;
use crate::merchants::record::{CertificateState, PlatformKeys};
use crate::merchants::rotation::{KeyKind, RotationStep};

pub(super) const ROUTES: &[Route] = &[
    Route::post("/merchants", "Adds a merchant with its own kit", NEW, add),
    Route::get("/merchants", "All merchants", &[], list),
    Route::get("/merchants/{mchid}", "A merchant, and where its kit is", &[], show),
    Route::post(
        "/merchants/{mchid}/bindings",
        "Binds more appids to a merchant, and allows it to act for more merchants; existing ones are kept",
        BINDINGS,
        bind,
    ),
    Route::put(
        "/merchants/{mchid}/certificate",
        "Sets the state of its certificate (商户API证书)",
        &[STATE],
        set_certificate,
    ),
    Route::put(
        "/merchants/{mchid}/platform-keys",
        "Sets which keys the platform signs with for it",
        KEYS,
        set_platform_keys,
    ),
    Route::post(
        "/merchants/{mchid}/platform-keys/rotation",
        "Takes one step in rotating one of these keys",
        ROTATION,
        rotate,
    ),
];

const NEW: &[Member] = &[
    Member::text("mchid", "Its number (商户号), 8 to 15 digits (default: a free one)"),
    Member::texts(
        "appids",
        "The appids that are bound to it; the first one is in its kit (default: a new one)",
    ),
    Member::texts("sub_merchants", "The merchants that it acts for (子商户), as a partner (服务商)"),
    Member::word(
        "platform_keys",
        &PlatformKeys::WORDS,
        "Which keys the platform signs with (default: public-key)",
    ),
    Member::word("certificate", &CertificateState::WORDS, "The state of its certificate (default: valid)"),
];
const BINDINGS: &[Member] = &[
    Member::texts("appids", "Appids"),
    Member::texts("sub_merchants", "Merchants that it acts for (子商户), as a partner (服务商)"),
];
const STATE: Member = Member::word("state", &CertificateState::WORDS, "The state").required();
const KEYS: &[Member] = &[
    Member::word("mode", &PlatformKeys::WORDS, "Which keys").required(),
    Member::number(
        "callback_percent",
        "In a migration: the share of notifications that the public key signs, such as 0.1",
    ),
];
const ROTATION: &[Member] = &[
    Member::word("key", &KeyKind::WORDS, "Which key").required(),
    Member::word(
        "step",
        &RotationStep::WORDS,
        "begin: add a new key; switch: sign with it; finish: remove the old key",
    )
    .required(),
];

impl From<MerchantError> for ControlError {
    fn from(error: MerchantError) -> Self {
        match error {
            MerchantError::Invalid(_) => Self::invalid(error.to_string()),
            MerchantError::Exists(_) => Self::conflict(error.to_string()),
            MerchantError::Unknown(_) => Self::not_found(error.to_string()),
            MerchantError::Kit(KitError::Left { .. }) => Self::conflict(format!("{error:#}")),
            MerchantError::Kit(_) | MerchantError::Store(_) => Self::failed(error),
        }
    }
}

fn add(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let mut new = NewMerchant::new();
    if let Some(mchid) = request.text("mchid") {
        new = new.mchid(mchid);
    }
    new = request.texts("appids").into_iter().fold(new, NewMerchant::appid);
    new = request.texts("sub_merchants").into_iter().fold(new, NewMerchant::sub_merchant);
    if let Some(mode) = request.text("platform_keys").and_then(PlatformKeys::from_word) {
        new = new.platform_keys(mode);
    }
    if let Some(state) = request.text("certificate").and_then(CertificateState::from_word) {
        new = new.certificate(state);
    }
    let kit = control.platform.add_merchant(&new)?;
    described(control, &kit)
}

fn list(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.look_at_merchants()?;
    let all = control.platform.merchants.all();
    Ok(json!({ "merchants": all.iter().map(|merchant| shown(merchant)).collect::<Vec<_>>() }))
}

fn show(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    described(control, &control.platform.kit_of(request.path("mchid"))?)
}

fn bind(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let (appids, sub_merchants) = (request.texts("appids"), request.texts("sub_merchants"));
    if appids.is_empty() && sub_merchants.is_empty() {
        return Err(ControlError::invalid("give `appids`, `sub_merchants` or both"));
    }
    control.platform.bind(request.path("mchid"), &appids, &sub_merchants)?;
    show(control, request)
}

fn set_certificate(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = request.text("state").and_then(CertificateState::from_word).unwrap_or_default();
    control.platform.set_certificate_state(request.path("mchid"), state)?;
    show(control, request)
}

fn set_platform_keys(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let mode = request.text("mode").and_then(PlatformKeys::from_word).unwrap_or_default();
    let percent = request.get("callback_percent").and_then(Value::as_f64);
    let permille = match percent {
        Some(percent) if !(0.0..=100.0).contains(&percent) => {
            return Err(ControlError::invalid("`callback_percent` is from 0 to 100"));
        }
        Some(percent) if percent > 0.0 && percent < 0.1 => {
            return Err(ControlError::invalid(
                "`callback_percent` is 0, or 0.1 and more: the smallest step is 0.1",
            ));
        }
        // From 0 to 1000: nothing is cut.
        percent => percent.map(|percent| (percent * 10.0).round() as u32),
    };
    control.platform.set_platform_keys(request.path("mchid"), mode, permille)?;
    show(control, request)
}

fn rotate(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let kind = request.text("key").and_then(KeyKind::from_word);
    let step = request.text("step").and_then(RotationStep::from_word);
    let (Some(kind), Some(step)) = (kind, step) else {
        return Err(ControlError::invalid("`key` or `step` is missing"));
    };
    control.platform.rotate_platform_key(request.path("mchid"), kind, step)?;
    show(control, request)
}

fn described(control: &Control, kit: &KitOnDisk) -> Result<Value, ControlError> {
    let merchant = control.platform.merchants.find(&kit.kit().mchid);
    let merchant = merchant.ok_or_else(|| ControlError::not_found("the merchant is gone"))?;
    let mut value = shown(&merchant);
    value["kit_file"] = kit.file().display().to_string().into();
    Ok(value)
}

fn shown(merchant: &Merchant) -> Value {
    let names = |keys: &[std::sync::Arc<crate::response::SigningKey>]| {
        keys.iter().map(|key| key.serial.clone()).collect::<Vec<_>>()
    };
    let signers = &merchant.signers;
    json!({
        "mchid": merchant.account.mchid,
        "appids": merchant.account.appids,
        "sub_merchants": merchant.account.sub_merchants,
        "merchant_serial": merchant.serial,
        "certificate": merchant.certificate.word(),
        "public_keys": names(&signers.public_keys),
        "platform_certificates": names(&signers.certificates),
        "signs": signers.usual.serial,
        "callback_percent": signers.notifying.as_ref().map(|(permille, _)| f64::from(*permille) / 10.0),
    })
}
