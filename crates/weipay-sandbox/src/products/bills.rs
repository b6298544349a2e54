//! Bills (账单) of a day in Beijing: trade bills (交易账单), fund flow bills (资金账单), those of sub-merchants, and profit
//! sharing bills (分账账单), made of orders, refunds and the ledger when they are asked for.
//!
//! | file | what is in it |
//! |---|---|
//! | `day` | which days a bill can be asked for |
//! | `trade`, `fund_flow`, `profit_sharing` | the rows of each kind |
//! | `text` | cells, amounts and rows as they are written |
//! | `v2` | the same bills by APIv2 |
//! | `link` | the address of a bill: whose, of which day, for how long |
//!
//! A bill is written twice: for its digest, and when it is downloaded. Nothing of it is kept.
//! INFERRED(bill-of-ten-o-clock): so a refund keeps what it was when the bill of its day was made, and each
//! time the bill is the same. If it has changed nevertheless, the address has expired: no file is given that
//! the digest does not fit.

pub(super) mod day;
mod fund_flow;
pub(super) mod link;
mod profit_sharing;
#[cfg(test)]
pub(crate) mod read_back;
#[cfg(test)]
mod tests;
pub(super) mod text;
mod trade;
pub(crate) mod v2;

use serde_json::{Value, json};
use weipay_wire::{DigestAlgorithm, Digester, ENVELOPE_NONCE_LENGTH};

use crate::ledger::AccountType;
use crate::products::{Context, Download, HandlerError, Route, route};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};
use link::BillLink;
pub(crate) use trade::TradeBill;

#[rustfmt::skip]
pub(super) const DOWNLOADS: &[Download] = &[("v3/billdownload/file", link::download)];

pub(crate) const ROUTES: &[Route] = &[
    route("GET", "v3/bill/tradebill", trade_bill),
    route("GET", "v3/bill/fundflowbill", fund_flow_bill),
    route("GET", "v3/bill/sub-merchant-fundflowbill", sub_merchant_bill),
    route("GET", "v3/ecommerce/bill/fundflowbill", bill_of_all_sub_merchants),
    route("GET", "v3/profitsharing/bills", profit_sharing_bill),
];

/// Which bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BillKind {
    Trade(TradeBill),
    FundFlow(AccountType),
    ProfitSharing,
    /// The fund flows of all sub-merchants of a platform (电商收付通).
    AllFundFlows,
}

impl BillKind {
    /// The names in links.
    const WORDS: [(Self, &'static str); 10] = [
        (Self::Trade(TradeBill::All), "trade"),
        (Self::Trade(TradeBill::Paid), "paid"),
        (Self::Trade(TradeBill::Refunded), "refunded"),
        (Self::Trade(TradeBill::TopUpsRefunded), "top-ups-refunded"),
        (Self::FundFlow(AccountType::Basic), "basic"),
        (Self::FundFlow(AccountType::Operation), "operation"),
        (Self::FundFlow(AccountType::Fees), "fees"),
        (Self::FundFlow(AccountType::Deposit), "deposit"),
        (Self::ProfitSharing, "sharing"),
        (Self::AllFundFlows, "all"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
    }
}

/// A bill of one merchant and day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BillOf {
    pub(crate) kind: BillKind,
    /// The merchant that requests it.
    pub(crate) mchid: String,
    /// One of the asker's sub-merchants, whose rows alone are wanted.
    pub(crate) sub_mchid: Option<String>,
    /// All of them, for the bill that has all.
    pub(crate) sub_merchants: Vec<String>,
    /// The day in Beijing, counted from 1970-01-01.
    pub(crate) day: i64,
}

/// Takes a bill as it is written, in parts.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&str);

impl BillOf {
    /// The text of a bill; `None` when nothing happened on its day. APIv2 responds with it as it is.
    pub(crate) fn text(&self, tx: &Transaction<'_>) -> Result<Option<String>, StoreError> {
        let mut text = String::new();
        let has_rows = self.write(tx, &mut |part| text.push_str(part))?;
        Ok(has_rows.then_some(text))
    }

    /// Writes it. Whether it has a row.
    pub(crate) fn write(&self, tx: &Transaction<'_>, sink: Sink<'_>) -> Result<bool, StoreError> {
        match self.kind {
            BillKind::Trade(kind) => trade::write(tx, self, kind, sink),
            BillKind::FundFlow(account) => fund_flow::write(tx, self, account, sink),
            BillKind::ProfitSharing => profit_sharing::write(tx, self, sink),
            BillKind::AllFundFlows => fund_flow::write_all(tx, self, sink),
        }
    }

    /// The SHA-1 of its text; `None` when nothing happened on its day.
    fn digest(&self, tx: &Transaction<'_>) -> Result<Option<String>, StoreError> {
        let (digest, has_rows) = self.write_with_digest(tx, &mut |_| {})?;
        Ok(has_rows.then_some(digest))
    }

    /// Writes it. Its SHA-1, and whether it has a row.
    fn write_with_digest(&self, tx: &Transaction<'_>, sink: Sink<'_>) -> Result<(String, bool), StoreError> {
        let mut digester = Digester::new(DigestAlgorithm::Sha1);
        let has_rows = self.write(tx, &mut |part| {
            digester.update(part.as_bytes());
            sink(part);
        })?;
        Ok((digester.finish_hex(), has_rows))
    }

    /// From 00:00 until before 00:00 of the next day.
    fn seconds(&self) -> (i64, i64) {
        (crate::clock::midnight(self.day), crate::clock::midnight(self.day.saturating_add(1)))
    }
}

/// Digest and address of a bill, for the members of a response.
fn linked(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    bill: BillOf,
    key: Option<(String, String)>,
    refuse: fn() -> Refusal,
) -> Result<Value, HandlerError> {
    let digest = bill.digest(tx)?.ok_or_else(refuse)?;
    let is_gzip = context.request.query("tar_type").is_some_and(|kind| kind.eq_ignore_ascii_case("gzip"));
    let link = BillLink { bill, digest: digest.clone(), is_gzip, key, made: context.now };
    let address = link.address(context.base_url, &context.sealer()).ok_or_else(Refusal::system_error)?;
    Ok(json!({ "hash_type": "SHA1", "hash_value": digest, "download_url": address }))
}

fn check_sub_merchant(context: &Context<'_>, sub_mchid: Option<&str>) -> Result<(), Refusal> {
    match sub_mchid {
        Some(sub_mchid) if !context.merchants.may_use_money(context.caller, sub_mchid) => {
            Err(Refusal::no_auth(
                "无权获取该子商户的账单",
                "`sub_mchid` must be one of the caller's sub-merchants: weipay sandbox merchant bind MCHID --sub-merchant SUB_MCHID adds it",
            ))
        }
        _ => Ok(()),
    }
}

fn bill(context: &Context<'_>, kind: BillKind) -> Result<BillOf, Refusal> {
    let day = day::requested(context.request.query("bill_date").unwrap_or_default(), context.now);
    let sub_mchid = context.request.query("sub_mchid");
    let checked = day.and_then(|day| check_sub_merchant(context, sub_mchid).map(|()| day));
    let day = checked.map_err(|refusal| match kind {
        BillKind::ProfitSharing => day::of_profit_sharing(refusal),
        _ => refusal,
    })?;
    let (mchid, sub_mchid) = (context.caller.mchid.clone(), sub_mchid.map(str::to_owned));
    let sub_merchants = match kind {
        BillKind::AllFundFlows => context.caller.sub_merchants.clone(),
        _ => Vec::new(),
    };
    Ok(BillOf { kind, mchid, sub_mchid, sub_merchants, day })
}

fn trade_bill(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let kind = TradeBill::from_word(context.request.query("bill_type"));
    let kind = kind.ok_or_else(|| day::unknown_word("bill_type"))?;
    linked(tx, context, bill(context, BillKind::Trade(kind))?, None, day::nothing_happened)
}

fn fund_flow_bill(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let account = AccountType::of_every_merchant(context.request.query("account_type"));
    let account = account.ok_or_else(|| day::unknown_word("account_type"))?;
    linked(tx, context, bill(context, BillKind::FundFlow(account))?, None, day::nothing_happened)
}

fn sub_merchant_bill(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    check_algorithm(context)?;
    // UNCONFIRMED(deposit-bill): the deposit account (保证金) has the columns of the others. That for fees never has a row; its day
    // and its sub-merchant must be right all the same.
    let account = AccountType::from_word(context.request.query("account_type").unwrap_or("BASIC"));
    let account = account.ok_or_else(|| day::unknown_word("account_type"))?;
    sealed(tx, context, bill(context, BillKind::FundFlow(account))?, day::nothing_happened)
}

fn bill_of_all_sub_merchants(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    check_algorithm(context)?;
    let nothing =
        if context.caller.sub_merchants.is_empty() { day::no_sub_merchants } else { day::nothing_happened };
    sealed(tx, context, bill(context, BillKind::AllFundFlows)?, nothing)
}

fn check_algorithm(context: &Context<'_>) -> Result<(), Refusal> {
    match context.request.query("algorithm") {
        Some("SM4_GCM") => Err(Refusal::param_error(
            "不支持的加密算法",
            "the sandbox encrypts bills by AEAD_AES_256_GCM only",
        )),
        _ => Ok(()),
    }
}

/// A bill in one file, encrypted with its own key.
fn sealed(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    bill: BillOf,
    refuse: fn() -> Refusal,
) -> Result<Value, HandlerError> {
    let (key, nonce) = (context.entropy.hex_digits(32), context.entropy.hex_digits(ENVELOPE_NONCE_LENGTH));
    let mut item = linked(tx, context, bill, Some((key.clone(), nonce.clone())), refuse)?;
    item["bill_sequence"] = 1.into();
    item["encrypt_key"] = key.into();
    item["nonce"] = nonce.into();
    Ok(json!({ "download_bill_count": 1, "download_bill_list": [item] }))
}

fn profit_sharing_bill(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    linked(tx, context, bill(context, BillKind::ProfitSharing)?, None, day::nothing_was_shared)
}
